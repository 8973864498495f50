#!/usr/bin/env bash
# Of annotations with two labels kaibu-geojson-utils draws one label, and another one in the next run.
#
# Versions: kaibu-geojson-utils 0.1.5, scikit-image 0.26.0, NumPy 2.2.6.
# Behavior: a mask is made for each label, and the last one is returned. The labels are taken from a set, so that which
#     one is the last depends on the hash seed of Python, which is random from run to run.
# Expected: a mask of all objects, or of each label.
# Seen: one nucleus and two cells. In eight runs (hash seeds 0 to 7) some masks have 1 object and some 2, none has 3.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.2.6 scikit-image==0.26.0 geojson==3.3.0 pillow==13.0.0 kaibu-geojson-utils==0.1.5
cd "$work"
cat > draw.py <<'PY'
import numpy as np
from kaibu_geojson_utils import features_to_mask


def square(x: int, y: int, label: str) -> dict:
    corners = [[x, y], [x + 40, y], [x + 40, y + 40], [x, y + 40], [x, y]]
    geometry = {"type": "Polygon", "coordinates": [corners]}
    return {"type": "Feature", "geometry": geometry, "properties": {"label": label}}


features = [square(10, 10, "nucleus"), square(70, 10, "cell"), square(70, 70, "cell")]
mask = features_to_mask({"type": "FeatureCollection", "features": features, "bbox": [0, 0, 128, 128]}, (128, 128))
print(np.unique(mask[mask > 0]).size)
PY
"$work/venv/bin/python" -W ignore - <<'PY'
import os
import subprocess
import sys
from importlib.metadata import version

print({name: version(name) for name in ("kaibu-geojson-utils", "scikit-image", "numpy")})
drawn = []
for seed in range(8):
    run = subprocess.run([sys.executable, "-W", "ignore", "draw.py"], env={**os.environ, "PYTHONHASHSEED": str(seed)},
                         check=True, capture_output=True, text=True)
    drawn.append(int(run.stdout))
print(f"objects in the mask of one nucleus and two cells, in eight runs: {drawn}")
if set(drawn) != {1, 2}:
    sys.exit("The behavior has changed: other objects are drawn.")
PY
