#!/usr/bin/env bash
# MedPy's resample changes the header it is given: the label resampled after the image stays as it was.
#
# Versions: MedPy 0.5.2, NumPy 2.4.6, SciPy 1.17.1.
# Behavior: medpy.filter.image.resample returns (array, header) and also sets the new spacing in the header passed in. An
#     image and its label have the same header; used for both, it makes the second call find nothing to do.
#     (Its docstring warns of the change in place; the call that does nothing warns of nothing.)
# Expected: the header passed in stays as it is, since a header is returned; image and label get the same grid.
# Seen: image and label of 20 x 20 x 20 voxels of 1 mm, both resampled to 2 mm with one header: (10, 10, 10) for the image,
#     (20, 20, 20) for the label.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 scipy==1.17.1 medpy==0.5.2
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from medpy.filter.image import resample
from medpy.io import Header

print({name: version(name) for name in ("medpy", "numpy", "scipy")})
image, label = np.zeros((20, 20, 20)), np.zeros((20, 20, 20), np.uint8)
header = Header(spacing=(1.0, 1.0, 1.0), offset=(0, 0, 0))
new_image, _ = resample(image, header, (2.0, 2.0, 2.0), bspline_order=1)
spacing = tuple(header.get_voxel_spacing())
new_label, _ = resample(label, header, (2.0, 2.0, 2.0), bspline_order=0)
print("image", new_image.shape, "label", new_label.shape, "spacing in the header that was passed in:", spacing)
if new_image.shape != (10, 10, 10) or new_label.shape != (20, 20, 20):
    sys.exit("The behavior has changed: image and label have other shapes.")
PY
