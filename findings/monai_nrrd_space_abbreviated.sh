#!/usr/bin/env bash
# MONAI's NrrdReader takes a NRRD file whose space is written "LPS" for one in RAS: the patient is mirrored.
#
# Versions: MONAI 1.6.1, pynrrd 1.1.3, SimpleITK 2.5.7, PyTorch 2.13.0, NumPy 2.4.6.
# Behavior: the NRRD format has two spellings of each space, "left-posterior-superior" and "LPS". The reader turns x and
#     y of the long one only. Any other word, LPS and left-anterior-superior (LAS) included, is passed on as it is, as
#     if it were RAS, and the affine that the transforms use is that of another place.
# Expected: RAS coordinates of the same place for either spelling, as SimpleITK and 3D Slicer read them; the argument
#     affine_lps_to_ras (on by default) is "to be consistent with NibabelReader".
# Seen: the first voxel at (-10, -20, 30) mm in RAS for the long spelling and at (10, 20, 30) mm for the short one. For
#     left-anterior-superior (10, 20, 30), where SimpleITK has (-10, 20, 30).
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    torch==2.13.0 numpy==2.4.6 monai==1.6.1 pynrrd==1.1.3 simpleitk==2.5.7
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk
from monai.transforms import LoadImage

print({name: version(name) for name in ("monai", "pynrrd", "simpleitk", "torch", "numpy")})
voxels = np.arange(24, dtype=np.int16).tobytes()
seen = {}
for space in ("left-posterior-superior", "LPS", "right-anterior-superior", "RAS", "left-anterior-superior"):
    lines = [
        "NRRD0004",
        "type: short",
        "dimension: 3",
        f"space: {space}",
        "sizes: 2 3 4",
        "space directions: (2,0,0) (0,3,0) (0,0,4)",
        "kinds: domain domain domain",
        "endian: little",
        "encoding: raw",
        "space origin: (10,20,30)",
    ]
    with open("label.nrrd", "wb") as file:
        file.write(("\n".join(lines) + "\n\n").encode() + voxels)
    x, y, z = sitk.ReadImage("label.nrrd").GetOrigin()  # always LPS
    affine = LoadImage("NrrdReader", image_only=True)("label.nrrd").affine.numpy()
    seen[space] = affine[:3, 3].tolist(), [-x, -y, z]
    print(f"{space}: first voxel in RAS by MONAI {seen[space][0]}, by SimpleITK {seen[space][1]}")
agree = [space for space, (monai, itk) in seen.items() if monai == itk]
mirrored = seen["LPS"] == ([10.0, 20.0, 30.0], [-10.0, -20.0, 30.0])
if agree != ["left-posterior-superior", "right-anterior-superior", "RAS"] or not mirrored:
    sys.exit("The behavior has changed: other spaces are read at the same place by both.")
PY
