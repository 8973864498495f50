#!/usr/bin/env bash
# cvannotate overwrites files that are there without --force, and lists them as skipped.
#
# Versions: cvannotate 1.0.0.
# Behavior: files that exist are written into skipped.txt, and then all are written.
# Expected: a label file that was corrected by hand stays as it is, as --force is described as the option that
#     overwrites files, and as skipped.txt says.
# Seen: a COCO file of one box is converted to YOLO, a second box is added to the label file by hand, and the
#     conversion is run again: skipped.txt names the file, and the second box is gone.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile cvannotate==1.0.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

print({name: version(name) for name in ("cvannotate",)})
image = {"id": 1, "file_name": "case", "width": 100, "height": 100}
box = {"id": 1, "image_id": 1, "category_id": 0, "bbox": [10, 10, 20, 20], "area": 400, "iscrowd": 0}
categories = [{"id": 0, "name": "tumor"}]
Path("boxes.json").write_text(json.dumps({"images": [image], "annotations": [box], "categories": categories}))
command = [str(Path(sys.executable).parent / "cvannotate"), "convert", "-i", "boxes.json", "-o", "labels"]
command += ["--from-format", "coco", "-f", "yolo", "-c", "tumor"]
subprocess.run(command, check=True)
label = Path("labels/case.txt")
label.write_text(label.read_text() + "\n0 0.700000 0.700000 0.100000 0.100000")
corrected = len(label.read_text().splitlines())
subprocess.run(command, check=True)
left = len(label.read_text().splitlines())
skipped = Path("labels/skipped.txt").read_text().split()
print(f"boxes after the correction: {corrected}, after the second run: {left}; skipped.txt: {skipped}")
if corrected != 2 or left != 1 or skipped != ["labels/case.txt"]:
    sys.exit("The behavior has changed: the file is another.")
PY
