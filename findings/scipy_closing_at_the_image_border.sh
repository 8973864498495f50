#!/usr/bin/env bash
# SciPy's closing takes pixels away from a mask that touches the border of the image.
#
# Versions: SciPy 1.17.1, scikit-image 0.26.0, SimpleITK 2.5.7, NumPy 2.4.6.
# Behavior: binary_closing dilates and then erodes, and for the erosion what lies outside of the image is background
#     (border_value=0). The dilation could not grow out of the image, so along the border one layer is lost for each
#     iteration. An organ cut by the field of view, a lung in a crop, is smaller after it.
# Expected: a closing adds pixels and takes none away. So it is in scikit-image and SimpleITK.
# Seen: a square of 6 x 6 pixels in a corner: 25 left after a closing by 3 x 3; 36 with scikit-image and SimpleITK, and
#     with border_value=1, which the documentation calls the "value at the border in the output array".
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.4.6 scipy==1.17.1 scikit-image==0.26.0 simpleitk==2.5.7
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import binary_closing
from skimage.morphology import closing

print({name: version(name) for name in ("scipy", "scikit-image", "simpleitk", "numpy")})
mask = np.zeros((10, 10), bool)
mask[:6, :6] = True
square = np.ones((3, 3), bool)
itk = sitk.BinaryMorphologicalClosing(sitk.GetImageFromArray(mask.astype(np.uint8)), [1, 1], sitk.sitkBox)
seen = {
    "SciPy": binary_closing(mask, square),
    "scikit-image": closing(mask, square),
    "SimpleITK": sitk.GetArrayFromImage(itk),
    "SciPy, border_value=1": binary_closing(mask, square, border_value=1),
}
counts = {name: int(result.sum()) for name, result in seen.items()}
print("pixels of a mask of 36 in the corner after a closing:", counts)
if counts["SciPy"] != 25 or counts["scikit-image"] != 36 or counts["SimpleITK"] != 36:
    sys.exit("The behavior has changed: nothing is lost.")
PY
