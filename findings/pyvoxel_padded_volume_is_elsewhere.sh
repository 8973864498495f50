#!/usr/bin/env bash
# pyvoxel puts a volume that it pads at the origin of the world: a lesion is 166 mm away from where it was.
#
# Versions: ormir-pyvoxel 0.0.11, nibabel 5.3.2, NumPy 2.2.6.
# Behavior: np.pad of a MedicalVolume computes how far the first voxel moves, and makes that the new origin instead of
#     adding it to the old one. The last number of the affine becomes 0, so that it has no inverse any more; the volume
#     can be saved all the same, and the NIfTI file has the wrong origin. Without a translation, as in a new volume, the
#     place is right.
# Expected: each voxel at its place in the world, with new ones around it.
# Seen: voxels of 2 × 2 × 3 mm with the origin at (−90, −120, −70) mm, padded by two voxels. The new origin is (−4, −4,
#     −6) instead of (−94, −124, −76), in the file as well: 166 mm away.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 nibabel==5.3.2 pydicom==3.0.1 natsort==8.4.0 \
    requests==2.34.2 termcolor==3.3.0 tabulate==0.10.0 tqdm==4.70.1 pyyaml==6.0.4
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps ormir-pyvoxel==0.0.11
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import nibabel as nib
import numpy as np
import voxel

print({name: version(name) for name in ("ormir-pyvoxel", "nibabel", "numpy")})
affine = np.diag([2.0, 2.0, 3.0, 1.0])
affine[:3, 3] = -90, -120, -70
scan = np.zeros((10, 12, 14), np.float32)
scan[5, 6, 7] = 1
padded = np.pad(voxel.MedicalVolume(scan, affine), 2)
padded.save_volume("./padded.nii.gz")
saved = nib.load("padded.nii.gz")
place = np.argwhere(saved.get_fdata() == 1)[0]
distance = np.linalg.norm((affine @ [5, 6, 7, 1] - saved.affine @ [*place, 1])[:3])
origin = padded.affine[:, 3].tolist()
print(f"last column of the affine: {origin}; origin in the file: {saved.affine[:3, 3]}; {distance:.0f} mm away")
if origin != [-4, -4, -6, 0] or saved.affine[:3, 3].tolist() != [-4, -4, -6] or round(distance) != 166:
    sys.exit("The behavior has changed: the place is another.")
PY
