#!/usr/bin/env bash
# WSI_handling draws the polygon before a line instead of the line: the whole tumor becomes vessel.
#
# Versions: WSI-handling 0.16.2, Shapely 1.8.5.post1, OpenCV 4.11.0.86, openslide-python 1.4.7, openslide-bin 4.0.1.2,
#     NumPy 1.26.4.
# Behavior: of a line in annotations of QuPath the points are not read; those of the polygon that was read last are taken
#     again, with the class of the line. Where no polygon was read before, it raises an error.
# Expected: the line, as the code has a branch for it, or an error or a warning.
# Seen: a tumor of 961 pixels and a line of class vessel elsewhere, classes tumor and vessel: 961 pixels of class 2 where
#     the tumor is, none of class 1, and none along the line. With class tumor alone there are 961 of class 1.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==1.26.4 Shapely==1.8.5.post1 matplotlib==3.9.4 \
    opencv-python-headless==4.11.0.86 openslide-bin==4.0.1.2 openslide-python==1.4.7
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps wsi-handling==0.16.2
cd "$work"
MPLCONFIGDIR="$work" "$work/venv/bin/python" -W ignore - <<'PY'
import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
from WSI_handling import wsi

names = ("WSI-handling", "Shapely", "opencv-python-headless", "openslide-python", "openslide-bin", "numpy")
print({name: version(name) for name in names})
tumor = {"type": "Polygon", "coordinates": [[[10, 10], [40, 10], [40, 40], [10, 40], [10, 10]]]}
vessel = {"type": "LineString", "coordinates": [[60, 10], [60, 80], [80, 80]]}
annotations = [
    {"type": "Feature", "geometry": geometry, "properties": {"classification": {"name": name}}}
    for name, geometry in (("Tumor", tumor), ("Vessel", vessel))
]
Path("annotations.json").write_text(json.dumps(annotations))
seen = {}
for classes in (["tumor"], ["tumor", "vessel"]):
    slide = wsi(annotation_fname="annotations.json", mpp=0.5, img_dims=(100, 100))
    mask = slide.mask_out_annotation(colors_to_use=classes)
    counts = {int(value): int((mask == value).sum()) for value in np.unique(mask)}
    seen[len(classes)] = counts, int(np.count_nonzero(mask[:, 50:]))
    print(f"classes {classes}: pixels {counts}, {seen[len(classes)][1]} of them around the line")
if seen != {1: ({0: 9039, 1: 961}, 0), 2: ({0: 9039, 2: 961}, 0)}:
    sys.exit("The behavior has changed: other pixels are drawn.")
PY
