#!/usr/bin/env bash
# roi2bb puts the box of a lesion outside of the image if the image is stored in RAS or LPS.
#
# Versions: roi2bb 0.1.0, nibabel 5.4.2, NumPy 2.4.6.
# Behavior: of the affine matrix only the origin is read. x is always taken to run to the left of the patient, y to the
#     front and z upward, as in images in LAS. Nothing is said about it.
# Expected: the box of a region of interest of 3D Slicer in the voxels of the NIfTI file that it was drawn in, for any
#     orientation of that file.
# Seen: a region around voxel (10, 20, 30) of an image of 40 x 50 x 60 voxels: in LAS there. In RAS, the orientation of
#     nibabel's examples, at x = -10, in LPS, that of most CT, at y = -20.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 nibabel==5.4.2 roi2bb==0.1.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import json
import sys
from importlib.metadata import version
from pathlib import Path

import nibabel as nib
import numpy as np
from roi2bb import Converter

print({name: version(name) for name in ("roi2bb", "nibabel", "numpy")})
voxel, shape = np.array([10, 20, 30, 1]), (40, 50, 60)
seen = {}
for name, signs in {"LAS": (-1, 1, 1), "RAS": (1, 1, 1), "LPS": (-1, -1, 1)}.items():
    affine = np.diag([*signs, 1.0])
    affine[:3, 3] = [25, -30, -10]
    assert "".join(nib.aff2axcodes(affine)) == name
    nib.save(nib.Nifti1Image(np.zeros(shape, np.uint8), affine), f"{name}.nii")
    x, y, z = (affine @ voxel)[:3]
    roi = {"type": "ROI", "coordinateSystem": "LPS", "center": [-x, -y, z], "size": [4, 6, 8]}
    Path(name).mkdir()
    Path(name, "lesion.json").write_text(json.dumps({"markups": [roi]}))
    Converter(f"{name}.nii", name, f"out/{name}.txt").run()
    fields = [float(field) for field in Path(f"out/{name}.txt").read_text().split()]
    z, x, y = (center * size for center, size in zip(fields[1:4], (shape[2], shape[0], shape[1])))
    seen[name] = round(x), round(y), round(z)
    print(f"{name}: center at voxel {seen[name]}")
if seen != {"LAS": (10, 20, 30), "RAS": (-10, 20, 30), "LPS": (10, -20, 30)}:
    sys.exit("The behavior has changed: the boxes are elsewhere.")
PY
