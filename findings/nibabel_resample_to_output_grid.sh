#!/usr/bin/env bash
# nibabel's resample_to_output makes six voxels of 2 mm out of ten of 1 mm.
#
# Versions: nibabel 5.4.2, SciPy 1.17.1, NumPy 2.4.6.
# Behavior: the new grid begins at the center of the first voxel, not at its outer border, and ends at or after the
#     center of the last one. The volume grows from 10 to 12 mm, every new voxel is centered on an old one, and the last
#     new voxel lies outside of the old volume and is filled with the value for outside (0), also in CT.
# Expected: five voxels that cover the same 10 mm, each centered between two old ones, as for a resize by one half.
# Seen: values equal to the position along the axis plus 100: 100, 102, 104, 106, 108, 0.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 scipy==1.17.1 nibabel==5.4.2
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import nibabel
import numpy as np
from nibabel.processing import resample_to_output

print({name: version(name) for name in ("nibabel", "scipy", "numpy")})
volume = np.broadcast_to(100.0 + np.arange(10).reshape(10, 1, 1), (10, 4, 4)).copy()
resampled = resample_to_output(nibabel.Nifti1Image(volume, np.eye(4)), (2, 1, 1), order=1)
values = resampled.get_fdata()[:, 0, 0].round(3).tolist()
print("shape", volume.shape, "->", resampled.shape, "values along the first axis:", values)
if values != [100.0, 102.0, 104.0, 106.0, 108.0, 0.0]:
    sys.exit("The behavior has changed: the new grid lies elsewhere.")
PY
