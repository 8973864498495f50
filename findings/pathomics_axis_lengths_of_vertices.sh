#!/usr/bin/env bash
# pathomics measures the axes of a cell on the vertices of its outline: a cell 40 pixels long has a major axis of 80.
#
# Versions: pathomics 0.3.0, scikit-image 0.26.0, NumPy 2.2.6.
# Behavior: MajorAxisLength, MinorAxisLength and Elongation are those of the points that the polygon happens to have. A
#     cell is longer the fewer points it has, and has another elongation if one side of it has more of them, as after
#     editing by hand, after simplification, or where a tile ends. The area stays the same.
# Expected: 4 times the standard deviation within the object, as scikit-image has it, here 46.2 and 11.5.
# Seen: a rectangle of 40 x 10. Four corners: 80.0, 20.0 and an elongation of 0.25. Points all along its sides: 54.7,
#     18.6 and 0.34. Along one long side only: 49.3, 8.4 and 0.17. Its maximum diameter is 41.2.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 scikit-image==0.26.0
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps pathomics==0.3.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from pathomics.features.shape import compute
from skimage.measure import regionprops

print({name: version(name) for name in ("pathomics", "scikit-image", "numpy")})
names = ["MajorAxisLength", "MinorAxisLength", "Elongation", "MaximumDiameter", "MeshSurface"]
corners = [(0, 0), (40, 0), (40, 10), (0, 10)]


def outline(points: tuple[int, ...]) -> list[tuple[float, float]]:
    """The rectangle with this many points on each of its sides."""
    polygon = []
    for side, count in enumerate(points):
        (x, y), (next_x, next_y) = corners[side], corners[(side + 1) % 4]
        polygon += [(x + (next_x - x) * step / count, y + (next_y - y) * step / count) for step in range(count)]
    return polygon


seen = {}
for name, points in (("corners", (1, 1, 1, 1)), ("all sides", (40, 10, 40, 10)), ("one side", (40, 1, 1, 1))):
    values = compute(outline(points), selection=names)
    seen[name] = [round(values[feature], 2) for feature in names]
    print(f"points at {name}: " + ", ".join(f"{feature} {value}" for feature, value in zip(names, seen[name])))
mask = np.zeros((30, 60), np.uint8)
mask[5:15, 5:45] = 1
pixels = regionprops(mask)[0]
print(f"scikit-image: {pixels.axis_major_length:.1f} and {pixels.axis_minor_length:.1f}")
expected = {
    "corners": [80.0, 20.0, 0.25, 41.23, 400.0],
    "all sides": [54.67, 18.63, 0.34, 41.23, 400.0],
    "one side": [49.33, 8.42, 0.17, 41.23, 400.0],
}
lengths = round(pixels.axis_major_length, 1), round(pixels.axis_minor_length, 1)
if seen != expected or lengths != (46.2, 11.5):
    sys.exit("The behavior has changed: the lengths are others.")
PY
