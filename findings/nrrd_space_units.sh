#!/usr/bin/env bash
# ITK converts the units of a NIfTI file and ignores those of an NRRD file.
#
# Versions: SimpleITK 2.5.7, pynrrd 1.1.3, nibabel 5.4.2, NumPy 2.4.6.
# Behavior: the field "space units" of an NRRD header is not used: spacing and origin come as they are written, whatever
#     the unit. The same volume as NIfTI with the unit "meter" or "micron" is converted to millimeters.
# Expected: millimeters in both cases, or a refusal, as one library reads both files.
# Seen: voxels of 2 micrometers: 2.0 (thousand times too large) from NRRD and 0.002 from NIfTI.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 simpleitk==2.5.7 pynrrd==1.1.3 nibabel==5.4.2
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import nibabel
import nrrd
import numpy as np
import SimpleITK as sitk

print({name: version(name) for name in ("simpleitk", "pynrrd", "nibabel", "numpy")})
volume = np.zeros((8, 9, 10), np.uint8)
header = {
    "space": "left-posterior-superior",
    "space directions": np.eye(3) * 2.0,
    "space origin": [10.0, 20.0, 30.0],
    "space units": ["microns"] * 3,
}
nrrd.write("cells.nrrd", volume, header)
image = nibabel.Nifti1Image(volume, np.diag([2.0, 2.0, 2.0, 1.0]))
image.header.set_xyzt_units("micron")
nibabel.save(image, "cells.nii.gz")
spacings = {name: [round(value, 6) for value in sitk.ReadImage(name).GetSpacing()] for name in ("cells.nrrd", "cells.nii.gz")}
print("unit in the NRRD header:", nrrd.read_header("cells.nrrd")["space units"])
print("spacing in mm by SimpleITK:", spacings)
if spacings != {"cells.nrrd": [2.0] * 3, "cells.nii.gz": [0.002] * 3}:
    sys.exit("The behavior has changed: NRRD and NIfTI are treated otherwise.")
PY
