#!/usr/bin/env bash
# yolo-to-labelme writes the polygons of a YOLO segmentation file as zeros: no outline is left.
#
# Versions: yolo-to-labelme 0.0.8.
# Behavior: the coordinates of a polygon, which are shares of the size of the image, are rounded down to whole numbers
#     before they are anything else, are never multiplied by the size, and are put into one single point.
# Expected: a polygon of points in pixels, as boxes come out in the same file.
# Seen: a square from 20 to 60 pixels, as a box and as a polygon of four points in an image of 100 × 200 pixels: the
#     box is 20, 20, 60, 60, the polygon has one point of eight zeros.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile yolo-to-labelme==0.0.8
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import json
import subprocess
import sys
from importlib.metadata import entry_points, version
from pathlib import Path

print({name: version(name) for name in ("yolo-to-labelme",)})
width, height, low, high = 200, 100, 20, 60
Path("yolo").mkdir()
box = [(low + high) / 2 / width, (low + high) / 2 / height, (high - low) / width, (high - low) / height]
corners = [(low, low), (high, low), (high, high), (low, high)]
polygon = [value for x, y in corners for value in (x / width, y / height)]
lines = [" ".join(map(str, [0, *values])) for values in (box, polygon)]
Path("yolo/image.txt").write_text("\n".join(lines) + "\n")
Path("classes.txt").write_text("lesion\n")
script = [entry for entry in entry_points(group="console_scripts") if entry.dist.name == "yolo-to-labelme"][0]
command = [sys.executable, "-c", f"from {script.module} import {script.attr}; {script.attr}()"]
options = ["--yolo", "yolo", "--labelme", "out", "--width", str(width), "--height", str(height)]
subprocess.run([*command, *options, "--classes", "classes.txt"], check=True, stdout=subprocess.DEVNULL)
shapes = json.loads(Path("out/image.json").read_text())["shapes"]
seen = {shape["shape_type"]: shape["points"] for shape in shapes}
for kind, points in seen.items():
    print(f"{kind}: {points}")
if seen != {"rectangle": [[20, 20], [60, 60]], "polygon": [[0] * 8]}:
    sys.exit("The behavior has changed: the points are others.")
PY
