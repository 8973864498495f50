#!/usr/bin/env bash
# wsiprocess gives a box that the left border of a patch cuts its full width: 130 pixels instead of 30.
#
# Versions: wsiprocess 1.1.1, openslide-python 1.4.7, tifffile 2025.5.10, OpenCV 4.11.0.86.
# Behavior: the corner of the box is moved to the border of the patch, and its width is that of the whole object,
#     limited by the right border only.
# Expected: the part of the box in the patch, as at the right border.
# Seen: a tumor from x = 156 to 286 and y = 100 to 200, in patches of 256 pixels. In the left patch its box begins at
#     156 and is 100 wide, in the right one it begins at 0 and is 130 wide; 30 of them are tumor.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 pandas==2.3.3 pillow==11.3.0 lxml==6.0.2 \
    opencv-python-headless==4.11.0.86 psutil==7.1.3 tqdm==4.67.1 openslide-python==1.4.7 openslide-bin==4.0.0.14 \
    tifffile==2025.5.10
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps wsiprocess==1.1.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import contextlib
import io
import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import tifffile
import wsiprocess as wp

print({name: version(name) for name in ("wsiprocess", "openslide-python", "tifffile", "opencv-python-headless")})
tifffile.imwrite("slide.tif", np.full((512, 512, 3), 200, np.uint8), tile=(256, 256), photometric="rgb")
corners = [(156, 100), (286, 100), (286, 200), (156, 200)]
points = "".join(f'<Coordinate Order="{k}" X="{x}" Y="{y}"/>' for k, (x, y) in enumerate(corners))
outline = f'<Annotation Name="a" PartOfGroup="tumor" Type="Polygon"><Coordinates>{points}</Coordinates></Annotation>'
groups = '<AnnotationGroups><Group Name="tumor" PartOfGroup="None"/></AnnotationGroups>'
text = f"<ASAP_Annotations><Annotations>{outline}</Annotations>{groups}</ASAP_Annotations>"
Path("case.xml").write_text('<?xml version="1.0"?>' + text)
slide, annotation = wp.slide("slide.tif"), wp.annotation("case.xml")
annotation.make_masks(slide, foreground_fn=None, size=512)
options = {"on_foreground": False, "on_annotation": 0.001, "no_patches": True}
with contextlib.redirect_stdout(io.StringIO()):
    wp.patcher(slide, "detection", annotation=annotation, save_to="out", **options).get_patch_parallel(["tumor"], 1)
patches = json.loads(Path("out/slide/results.json").read_text())["result"]
seen = {patch["x"]: (patch["bbs"][0]["x"], patch["bbs"][0]["w"]) for patch in patches}
for left in sorted(seen):
    print(f"patch from x = {left}: box from {seen[left][0]}, {seen[left][1]} wide", end="; ")
    print(f"tumor in it: {min(286, left + 256) - max(156, left)}")
if seen != {0: (156, 100), 256: (0, 130)}:
    sys.exit("The behavior has changed: the boxes are others.")
PY
