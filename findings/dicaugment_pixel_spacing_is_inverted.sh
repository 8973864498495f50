#!/usr/bin/env bash
# DICaugment brings pixels of 0.5 mm to 0.25 mm where 1 mm is asked for, and writes 1 mm into the header.
#
# Versions: DICaugment 1.0.7, NumPy 2.4.6, SciPy 1.17.1, scikit-image 0.26.0.
# Behavior: SetPixelSpacing, which is to give a data set one pixel size, multiplies the number of pixels by the wanted
#     spacing over the one of the header instead of the other way around: small pixels get smaller, large ones larger.
#     Resize changes the header likewise: of twice as many pixels the spacing is doubled.
# Expected: a slice that is as many millimeters wide as before.
# Seen: 100 x 120 pixels, a mask of 40 x 60. From 0.5 to 1 mm: a mask of 80 x 120 pixels, so 80 x 120 mm instead of
#     20 x 30. From 2 to 1 mm: 20 x 30 pixels instead of 80 x 120. Resize to 200 x 240: spacing 1.0 of 0.5.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 scipy==1.17.1 scikit-image==0.26.0 \
    opencv-python-headless==5.0.0.93 pydicom==3.0.2 dicaugment==1.0.7
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import dicaugment as dca
import numpy as np

print({name: version(name) for name in ("DICaugment", "numpy", "scipy", "scikit-image")})
image = np.zeros((100, 120, 6), np.int16)
image[20:60, 30:90, 2:4] = 1000
transforms = {
    "SetPixelSpacing": (dca.SetPixelSpacing(space_x=1, space_y=1), (0.5, 2.0)),
    "Resize": (dca.Resize(200, 240, 6, p=1), (0.5,)),
}
seen = []
for name, (transform, spacings) in transforms.items():
    for spacing in spacings:
        header = {"PixelSpacing": (spacing, spacing), "RescaleSlope": 1.0, "RescaleIntercept": 0.0}
        out = dca.Compose([transform])(image=image, mask=(image > 0).astype(np.uint8), dicom=header)
        pixels = (np.ptp(np.argwhere(out["mask"])[:, :2], axis=0) + 1).tolist()
        after = out["dicom"]["PixelSpacing"][0]
        seen.append((pixels, after))
        print(
            f"{name}, mask of 40 x 60 pixels of {spacing} mm = {40 * spacing:g} x {60 * spacing:g} mm:",
            f"{pixels[0]} x {pixels[1]} pixels of {after} mm = {pixels[0] * after:g} x {pixels[1] * after:g} mm",
        )
if seen != [([80, 120], 1.0), ([20, 30], 1.0), ([80, 120], 1.0)]:
    sys.exit("The behavior has changed: the sizes are others.")
PY
