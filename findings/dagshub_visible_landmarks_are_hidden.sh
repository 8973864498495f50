#!/usr/bin/env bash
# DagsHub's annotation converter reads visible landmarks of YOLO as hidden and hidden ones as visible.
#
# Versions: dagshub-annotation-converter 0.3.0, pydantic 2.12.5.
# Behavior: a landmark is visible if its third number is 1. In YOLO's and COCO's lines 0 is not labeled, 1 is labeled but
#     hidden, and 2 is labeled and visible. Written again, visible ones have 0, which is not labeled.
# Expected: 2 is read as visible, and a line that is read and written has its landmarks still.
# Seen: landmarks of a femur with 2, 2 and 1 are read as hidden, hidden and visible, and written with 0, 0 and 1: the
#     two that were seen are not labeled any more. As two numbers each, one landmark of three is left.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 pandas==2.3.3 pillow==11.3.0 \
    pydantic==2.12.5 lxml==6.0.2 PyYAML==6.0.3 typing-extensions==4.15.0 dagshub-annotation-converter==0.3.0
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

from dagshub_annotation_converter.formats.yolo import YoloContext, export_pose, import_pose_from_string
from dagshub_annotation_converter.formats.yolo.categories import Categories

print({name: version(name) for name in ("dagshub-annotation-converter", "pydantic")})
categories = Categories()
categories.add("femur", 0)
given = "0 0.5 0.5 0.4 0.4 0.3 0.3 2 0.5 0.5 2 0.6 0.6 1"
lines, read = {}, []
for numbers in (3, 2):
    context = YoloContext(annotation_type="pose", categories=categories, keypoint_dim=numbers)
    context.keypoints_in_annotation = 3
    if numbers == 3:
        femur = import_pose_from_string(given, context, 100, 100)
        read = [point.visible for point in femur.points]
    lines[numbers] = export_pose(femur, context)
print("given           ", given, "\nread as visible:", read)
print("written         ", lines[3], "\nwith two numbers", lines[2])
if read != [False, False, True] or lines[3].split()[7::3] != ["0", "0", "1"] or len(lines[2].split()) != 7:
    sys.exit("The behavior has changed: other landmarks are visible.")
PY
