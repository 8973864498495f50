#!/usr/bin/env bash
# SimpleITK's average Hausdorff distance averages over the whole object, not over its surface.
#
# Versions: SimpleITK 2.5.7, MedPy 0.5.2, NumPy 2.4.6.
# Behavior: HausdorffDistanceImageFilter.GetAverageHausdorffDistance() takes the mean of the distance to the other
#     object over every pixel of an object. All pixels in the overlap count as 0, so the number falls as the object
#     grows, for the same error at its border.
# Expected: the mean distance between the two borders, as "average (symmetric) surface distance" means in papers.
# Seen: two discs of radius 15 shifted by 4 pixels: 0.343 from SimpleITK, 2.372 from MedPy's assd;
#     of radius 60 with the same shift: 0.085 and 2.415. The maximum (4.0) is the same in both.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 simpleitk==2.5.7 medpy==0.5.2
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk
from medpy.metric.binary import assd, hd

print({name: version(name) for name in ("simpleitk", "medpy", "numpy")})
seen = []
for radius in (15, 60):
    y, x = np.mgrid[:160, :160]
    first, second = (((y - 80) ** 2 + (x - center) ** 2 <= radius**2).astype(np.uint8) for center in (78, 82))
    measure = sitk.HausdorffDistanceImageFilter()
    measure.Execute(sitk.GetImageFromArray(first), sitk.GetImageFromArray(second))
    row = (measure.GetHausdorffDistance(), measure.GetAverageHausdorffDistance(), hd(first, second), assd(first, second))
    print(f"radius {radius}: SimpleITK maximum {row[0]:.3f}, average {row[1]:.3f}; MedPy maximum {row[2]:.3f}, average {row[3]:.3f}")
    seen.append(row)
small, large = seen
if not (small[1] < small[3] / 5 and large[1] < large[3] / 20 and small[0] == small[2] == 4.0):
    sys.exit("The behavior has changed: SimpleITK's average is no longer far below the average over the surface.")
PY
