#!/usr/bin/env bash
# zarrnii exchanges the coordinates of the origin of images whose axes are not x, y and z: a lesion is 42 mm away.
#
# Versions: zarrnii 0.21.6, nibabel 5.4.2, NumPy 2.4.6, SciPy 1.17.1.
# Behavior: the three numbers of the origin, which belong to x, y and z of the patient, are kept as those of the first,
#     second and third axis of the array, and written back by the order of the axes.
# Expected: a NIfTI file that is read and written lies where it was.
# Seen: an image with its origin at 10, -20, 30. With axes in the order RAS the lesion stays; with rows and columns
#     exchanged it comes from (23, -8.5, 76.5) to (-7, 21.5, 76.5), in a sagittal image it is 62 mm away.
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


objects = np.zeros((40, 32, 24), np.uint8)
objects[8:16, 4:10, 12:20] = 200
matrices = {"RAS": np.diag([1.0, 2, 3, 1]), "ARS": np.zeros((4, 4)), "ASR": np.zeros((4, 4))}
for name, columns in (("ARS", (1, 0, 2)), ("ASR", (1, 2, 0))):
    for axis, world in enumerate(columns):
        matrices[name][world, axis] = (1.0, 2.0, 3.0)[axis]
    matrices[name][3, 3] = 1
moved = {}
for name, matrix in matrices.items():
    matrix[:3, 3] = (10, -20, 30)
    nib.save(nib.Nifti1Image(objects, matrix), "given.nii.gz")
    ZarrNii.from_nifti("given.nii.gz").to_nifti("written.nii.gz")
    before, after = place("given.nii.gz"), place("written.nii.gz")
    moved[name] = float(np.linalg.norm(after - before))
    print(f"{name}: from {np.round(before, 1).tolist()} to {np.round(after, 1).tolist()}, {moved[name]:.1f} mm")
if moved["RAS"] > 0.01 or min(moved["ARS"], moved["ASR"]) < 40:
    sys.exit("The behavior has changed: the lesions are elsewhere.")
PY
