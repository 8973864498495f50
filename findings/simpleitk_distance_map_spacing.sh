#!/usr/bin/env bash
# SimpleITK's distance maps count pixels, while its Hausdorff distance is in millimeters.
#
# Versions: SimpleITK 2.5.7, NumPy 2.4.6.
# Behavior: SignedMaurerDistanceMap, SignedDanielssonDistanceMap and DanielssonDistanceMap ignore the spacing of the image
#     unless useImageSpacing is set; HausdorffDistanceImageFilter follows the spacing. Both take the same image. With
#     slices further apart than pixels, the map has another unit along each axis, and another shape.
# Expected: distances of one library, which keeps a spacing with every image, have one unit, the millimeter.
# Seen: pixels of 3 mm, a pixel four columns outside the object: 4.0 in all three maps, 12.0 with useImageSpacing;
#     the Hausdorff distance between the object and the object with that pixel: 12.0.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 simpleitk==2.5.7
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk

print({name: version(name) for name in ("simpleitk", "numpy")})
mask = np.zeros((40, 40), np.uint8)
mask[10:30, 10:30] = 1
with_pixel = mask.copy()
with_pixel[20, 33] = 1
image, other = sitk.GetImageFromArray(mask), sitk.GetImageFromArray(with_pixel)
image.SetSpacing((3.0, 3.0))
other.SetSpacing((3.0, 3.0))
maps = {
    "SignedMaurer": sitk.SignedMaurerDistanceMap(image, squaredDistance=False),
    "SignedDanielsson": sitk.SignedDanielssonDistanceMap(image),
    "Danielsson": sitk.DanielssonDistanceMap(image),
    "SignedMaurer, useImageSpacing": sitk.SignedMaurerDistanceMap(image, squaredDistance=False, useImageSpacing=True),
}
values = {name: round(float(distances.GetPixel(33, 20)), 3) for name, distances in maps.items()}
measure = sitk.HausdorffDistanceImageFilter()
measure.Execute(image, other)
values["Hausdorff distance"] = round(measure.GetHausdorffDistance(), 3)
print("four pixels of 3 mm outside the object:", values)
if list(values.values()) != [4.0, 4.0, 4.0, 12.0, 12.0]:
    sys.exit("The behavior has changed: the distance maps and the Hausdorff distance have other units.")
PY
