#!/usr/bin/env bash
# DagsHub's annotation converter leaves hidden landmarks out of YOLO lines: all after them have the names of others.
#
# Versions: dagshub-annotation-converter 0.3.0, pydantic 2.12.5.
# Behavior: with two numbers for each landmark, those that are not visible are skipped. What a landmark is follows from
#     its place in the line; the next one takes the place. The line is shorter than the number in the data file says.
# Expected: as many landmarks as before, or an error, as two numbers cannot say that one is hidden.
# Seen: hip, knee and ankle, the knee hidden: written are two, and read again as hip and knee, with the ankle's place for
#     the knee, 28 pixels off.
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
from dagshub_annotation_converter.ir.image import CoordinateStyle, IRPoseImageAnnotation
from dagshub_annotation_converter.ir.image.annotations.pose import IRPosePoint

print({name: version(name) for name in ("dagshub-annotation-converter", "pydantic")})
categories = Categories()
categories.add("leg", 0)
context = YoloContext(annotation_type="pose", categories=categories, keypoint_dim=2, keypoints_in_annotation=3)
names = ("hip", "knee", "ankle")
places = {"hip": (0.3, 0.3), "knee": (0.4, 0.5), "ankle": (0.6, 0.7)}
points = [IRPosePoint(x=x, y=y, visible=name != "knee") for name, (x, y) in places.items()]
box = {"left": 0.2, "top": 0.2, "width": 0.6, "height": 0.6, "image_width": 100, "image_height": 100}
style = {"coordinate_style": CoordinateStyle.NORMALIZED, "categories": {"leg": 1.0}}
line = export_pose(IRPoseImageAnnotation(points=points, **box, **style), context)
read = import_pose_from_string(line, context, 100, 100)
found = {name: (point.x, point.y) for name, point in zip(names, read.points)}
print("given  ", places, "\nwritten", line, "\nread   ", found)
if found != {"hip": places["hip"], "knee": places["ankle"]}:
    sys.exit("The behavior has changed: the landmarks are others.")
PY
