#!/usr/bin/env bash
# Of a NIfTI file with a qform and an sform that differ, nibabel takes the sform and SimpleITK either, by the sform's code.
#
# Versions: nibabel 5.4.2, SimpleITK 2.5.7, NumPy 2.4.6.
# Behavior: nibabel takes the sform wherever its code is not 0. SimpleITK takes the sform only where its code is 1
#     ("scanner"); with 2 ("aligned") or 4 ("MNI"), that is, where somebody has registered the volume, it takes the qform
#     instead, whatever the code of that. If the sform with code 1 has other sizes of voxels than the qform, SimpleITK
#     takes the origin of the sform together with the sizes of the qform: a place that the file does not contain.
# Expected: the sform in both, as the registration is why it is there; if a reader prefers one by its code, then the
#     more specific; never a mixture.
# Seen: qform at (1, 2, 3) mm, sform 10 mm further to the right. First voxel (right, anterior, superior): nibabel
#     (11, 2, 3) always; SimpleITK (11, 2, 3) with code 1, and (1, 2, 3) with codes 2 and 4. With an sform that is 1.1
#     times as large, code 1: nibabel 2.2 mm at (1.1, 2.2, 3.3), SimpleITK 2.0 mm at (1.1, 2.2, 3.3).
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 simpleitk==2.5.7 nibabel==5.4.2
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import nibabel
import numpy as np
import SimpleITK as sitk

print({name: version(name) for name in ("nibabel", "simpleitk", "numpy")})
sitk.ProcessObject.SetGlobalWarningDisplay(False)
qform = np.diag([2.0, 2, 2, 1])
qform[:3, 3] = 1, 2, 3
moved = qform.copy()
moved[0, 3] += 10
larger = np.diag([1.1, 1.1, 1.1, 1]) @ qform


def places(sform, sform_code, qform_code):
    """First voxel and size of a voxel along x, for nibabel and for SimpleITK, in RAS."""
    image = nibabel.Nifti1Image(np.zeros((4, 5, 6), np.uint8), qform)
    image.set_qform(qform, code=qform_code)
    image.set_sform(sform, code=sform_code)
    nibabel.save(image, "volume.nii.gz")
    affine = nibabel.load("volume.nii.gz").affine
    opened = sitk.ReadImage("volume.nii.gz")
    x, y, z = opened.GetOrigin()
    mine = [*affine[:3, 3], np.linalg.norm(affine[:3, 0])]
    theirs = [-x, -y, z, opened.GetSpacing()[0]]
    return [[round(float(value), 3) for value in row] for row in (mine, theirs)]


seen = {}
for name, sform, codes in (
    *(("10 mm to the right", moved, codes) for codes in ((1, 1), (1, 2), (2, 1), (4, 1), (4, 2))),
    ("1.1 times as large", larger, (1, 1)),
    ("1.1 times as large", larger, (4, 1)),
):
    seen[name, codes] = places(sform, *codes)
    print(f"sform {name}, codes of sform and qform {codes}: nibabel, SimpleITK {seen[name, codes]}")

sform_place, qform_place = [11.0, 2.0, 3.0, 2.0], [1.0, 2.0, 3.0, 2.0]
as_described = all(
    found == [sform_place, sform_place if codes[0] == 1 else qform_place]
    for (name, codes), found in seen.items()
    if name == "10 mm to the right"
)
as_described &= seen["1.1 times as large", (1, 1)] == [[1.1, 2.2, 3.3, 2.2], [1.1, 2.2, 3.3, 2.0]]
as_described &= seen["1.1 times as large", (4, 1)] == [[1.1, 2.2, 3.3, 2.2], qform_place]
sys.exit(0 if as_described else "The behavior has changed.")
PY
