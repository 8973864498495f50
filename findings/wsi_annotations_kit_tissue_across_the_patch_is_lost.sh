#!/usr/bin/env bash
# wsi-annotations-kit loses tissue that crosses a mask from border to border, and half of what lies in its corner.
#
# Versions: wsi-annotations-kit 1.4.10, shapely 2.1.2, scikit-image 0.26.0, NumPy 2.2.6.
# Behavior: outlines are contours at the level of one half within the mask. Where an object touches the border of the
#     mask its contour is open, and each open line is closed by its chord: of a band both sides are lines without an
#     area, of a corner the triangle under the diagonal is left.
# Expected: the outline of the object, along the border of the mask, where it ends there.
# Seen: masks of 100 × 100 pixels. Of a square of 40 × 40 in the middle the GeoJSON file has an area of 1600, of one in
#     the corner 760, of a band of 40 rows, 4000 pixels, nothing, nor of a mask that is all tissue.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 scipy==1.17.1 scikit-image==0.26.0 \
    shapely==2.1.2 lxml==6.0.2 geojson==3.2.0 tqdm==4.67.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps wsi-annotations-kit==1.4.10
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import contextlib
import io
import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
from shapely.geometry import shape
from wsi_annotations_kit.wsi_annotations_kit import Annotation

print({name: version(name) for name in ("wsi-annotations-kit", "shapely", "scikit-image", "numpy")})
places = {"middle": np.s_[30:70, 30:70], "corner": np.s_[:40, :40], "band": np.s_[30:70], "all": np.s_[:]}
seen = {}
for name, place in places.items():
    mask = np.zeros((100, 100), np.uint8)
    mask[place] = 1
    annotation = Annotation()
    annotation.add_names(["tissue"])
    with contextlib.redirect_stderr(io.StringIO()):
        annotation.add_mask(mask, [0, 0], "labels", "tissue")
        annotation.geojson_save("tissue.geojson")
    features = json.loads(Path("tissue.geojson").read_text())["features"]
    seen[name] = (len(features), sum(shape(feature["geometry"]).area for feature in features))
    print(f"{name}: {np.count_nonzero(mask)} pixels; {seen[name][0]} polygons, area {seen[name][1]:.0f}")
if [round(area) for _, area in seen.values()] != [1600, 760, 0, 0]:
    sys.exit("The behavior has changed: the areas are others.")
PY
