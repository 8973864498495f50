#!/usr/bin/env bash
# zarrnii moves images in LPS when it makes them smaller: by one voxel at factor 2, by three at factor 4.
#
# Versions: zarrnii 0.21.6, nibabel 5.4.2, NumPy 2.4.6, SciPy 1.17.1.
# Behavior: the origin of the smaller image lies between the first voxels. It is moved there in the direction of R, A
#     and S whatever the orientation is: away from the voxels in LPS, in which images made from DICOM are.
# Expected: a lesion stays where it is.
# Seen: slices of 2 × 2 mm, 3 mm apart. In RAS a lesion stays; in LPS it moves by 2 mm to the right and 2 mm to the
#     front at factor 2, and by 6 mm each at factor 4.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile zarrnii==0.21.6 nibabel==5.4.2 numpy==2.4.6 scipy==1.17.1 \
    dask==2026.8.0 ngff-zarr==0.50.0 ome-zarr==0.18.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import nibabel as nib
import numpy as np
from scipy.ndimage import center_of_mass
from zarrnii import ZarrNii

print({name: version(name) for name in ("zarrnii", "nibabel", "numpy", "scipy")})


def place(path: str) -> np.ndarray:
    image = nib.load(path)
    return nib.affines.apply_affine(image.affine, center_of_mass(np.asarray(image.dataobj).squeeze() > 100))


objects = np.zeros((64, 64, 24), np.uint8)
objects[16:32, 8:24, 8:16] = 200
shifts = {}
for name, signs in (("RAS", (1, 1)), ("LPS", (-1, -1))):
    matrix = np.diag([2.0 * signs[0], 2.0 * signs[1], 3, 1])
    matrix[:3, 3] = (10, -20, 30)
    nib.save(nib.Nifti1Image(objects, matrix), "given.nii.gz")
    for factor in (2, 4):
        ZarrNii.from_nifti("given.nii.gz").downsample(factors=factor).to_nifti("written.nii.gz")
        shifts[name, factor] = np.round(place("written.nii.gz") - place("given.nii.gz"), 2).tolist()
        print(f"{name}, factor {factor}: moved by {shifts[name, factor]} mm")
if list(shifts.values()) != [[0, 0, 0], [0, 0, 0], [2, 2, 0], [6, 6, 0]]:
    sys.exit("The behavior has changed: the lesions are elsewhere.")
PY
