#!/usr/bin/env bash
# wsipipe draws annotations at twice their place if the levels of a slide are four times smaller each, as most are.
#
# Versions: wsipipe 0.1.6, openslide-python 1.4.7, openslide-bin 4.0.0.14, tifffile 2026.3.3, OpenCV 4.11.0.86.
# Behavior: the image of the annotations has the size of the level, and the places in it are those of level 0 divided by
#     2 to the power of the number of the level, whatever the sizes of the levels are.
# Expected: an annotation lies where it does in the slide.
# Seen: a slide of 4096 × 4096 pixels, with a tumor of 1024 × 1024 at its middle. At level 1 of a slide whose levels
#     are 2 times smaller it covers 6 % of the picture; of one whose levels are 4 times smaller, as of many scanners,
#     25 %, and it begins at 75 % of the height instead of 37.5 %; at level 2 nothing is drawn.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 scipy==1.15.3 pandas==2.3.3 pillow==11.3.0 \
    scikit-image==0.25.2 opencv-python-headless==4.11.0.86 openslide-python==1.4.7 openslide-bin==4.0.0.14 \
    tifffile==2026.3.3
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps wsipipe==0.1.6
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import tifffile
from wsipipe.load.annotations import visualise_annotations
from wsipipe.load.datasets.camelyon16 import Camelyon16Loader

names = ("wsipipe", "openslide-python", "openslide-bin", "tifffile", "opencv-python-headless")
print({name: version(name) for name in names})
low, high = 1536, 2560
corners = [(low, low), (high, low), (high, high), (low, high)]
points = "".join(f'<Coordinate Order="{k}" X="{x}" Y="{y}" />' for k, (x, y) in enumerate(corners))
outline = f'<Annotation Name="a" PartOfGroup="Tumor" Type="Polygon"><Coordinates>{points}</Coordinates></Annotation>'
Path("case.xml").write_text(f"<ASAP_Annotations><Annotations>{outline}</Annotations></ASAP_Annotations>")
seen = {}
for step in (2, 4):
    with tifffile.TiffWriter("slide.tif", bigtiff=True) as file:
        for level in range(3):
            size = 4096 // step**level
            picture = np.full((size, size, 3), 200, np.uint8)
            options = {"tile": (256, 256), "photometric": "rgb", "compression": "zlib"}
            file.write(picture, subfiletype=int(level > 0), **options)
    for level in (1, 2):
        drawn = visualise_annotations(Path("case.xml"), Path("slide.tif"), Camelyon16Loader(), level, "normal") == 2
        rows = np.flatnonzero(drawn.any(axis=1))
        top = rows[0] / len(drawn) if len(rows) else None
        seen[step, level] = (round(float(drawn.mean()), 2), top)
        print(f"levels {step} times smaller, level {level}: {drawn.shape}, {drawn.mean():.1%} tumor from {top}")
good, bad = (0.06, 0.375), (0.06, 0.375)
if seen[2, 1] != good or seen[2, 2] != good or seen[4, 1] == good or seen[4, 2][1] is not None:
    sys.exit("The behavior has changed: the annotations are elsewhere.")
PY
