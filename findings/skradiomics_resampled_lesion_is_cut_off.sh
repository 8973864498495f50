#!/usr/bin/env bash
# scikit-radiomics cuts a lesion off at the origin of the world where it resamples: of 64 cm³ 7 are left.
#
# Versions: scikit-radiomics 1.0.0, SimpleITK 2.5.7, NumPy 2.2.6.
# Behavior: the step "resample" takes direction and extent of the old grid over, but not its origin, so the new one
#     begins at (0, 0, 0). What lies before that is lost, from the image and from the mask alike, and behind the end of
#     the image zeros follow. Features are those of the rest of the lesion; only if nothing of it is left there is an
#     error. Where the center of a scan is near 0, as in many files, half of it is lost.
# Expected: the same lesion in voxels of another size: the same volume and mean.
# Seen: a lesion of 64 cm³ with a mean of 70, in voxels of 2 mm that become 1 mm. Origin of the image at (0, 0, 0): 62.4
#     cm³ and 69.1. At (−50, 0, 0): 30.4 cm³ and 39.2. At (−50, −50, −50): 6.9 cm³ and 40.3.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 scikit-image==0.25.2 simpleitk==2.5.7 \
    pykwalify==1.8.0 six==1.17.0
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps scikit-radiomics==1.0.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk
import skradiomics
from skradiomics.utils.modules import PREPROCESSORS

print({name: version(name) for name in ("scikit-radiomics", "simpleitk", "numpy")})
mask = np.zeros((50, 50, 50), np.uint8)
mask[15:35, 15:35, 15:35] = 1
scan = np.where(mask > 0, np.float32(40), np.float32(0))
scan[15:35, 15:35, 15:25] = 100
print(f"before: {mask.sum() * 8 / 1000} cm³, mean {scan[mask > 0].mean()}")
seen = {}
for origin in ((0, 0, 0), (-50, 0, 0), (-50, -50, -50)):
    images = [sitk.GetImageFromArray(one) for one in (scan, mask)]
    for image in images:
        image.SetSpacing((2, 2, 2))
        image.SetOrigin(origin)
    new_scan, new_mask = PREPROCESSORS.get("resample")(*images, {"resampledPixelSpacing": [1, 1, 1]})
    values = sitk.GetArrayFromImage(new_scan)[sitk.GetArrayFromImage(new_mask) > 0]
    seen[origin] = round(values.size / 1000, 1), round(float(values.mean()), 1)
    print(f"origin {origin}, afterwards {new_scan.GetOrigin()}: {seen[origin][0]} cm³, mean {seen[origin][1]}")
if seen != {(0, 0, 0): (62.4, 69.1), (-50, 0, 0): (30.4, 39.2), (-50, -50, -50): (6.9, 40.3)}:
    sys.exit("The behavior has changed: the lesion is another.")
PY
