#!/usr/bin/env bash
# A mask that was cropped or padded in medrs is saved in pieces, and one that was flipped is saved as it was before.
#
# Versions: medrs 0.2.0, nibabel 5.4.2, NumPy 2.2.6.
# Behavior: save writes the voxels as they lie in memory. After crop_or_pad they lie row by row, though the first axis
#     has to run fastest in NIfTI: the axes of a cube are exchanged, other volumes are scrambled. A flip changes nothing
#     in memory and is not in the file. In Python, to_numpy, all of them are right, and the header fits what it shows.
# Expected: the file has the voxels that to_numpy shows.
# Seen: an organ of 12 x 9 x 2 voxels. After crop_or_pad to 20 x 36 x 10 voxels the file has four pieces of it, to
#     40 x 40 x 40 one of 2 x 9 x 12 voxels; after a flip it is at 5 to 17 along x instead of 13 to 25. Saved as it was
#     loaded, or loaded by load_cropped, it is right.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 scipy==1.17.1 nibabel==5.4.2 medrs==0.2.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version
from pathlib import Path

import medrs
import nibabel as nib
import numpy as np
from scipy import ndimage

print({name: version(name) for name in ("medrs", "nibabel", "numpy")})
mask = np.zeros((30, 40, 20), np.uint8)
mask[5:17, 21:30, 6:8] = 1
nib.save(nib.Nifti1Image(mask, np.eye(4)), "mask.nii")
image = medrs.load("mask.nii")
seen = {}
for name, new in (
    ("as it is", image),
    ("load_cropped", medrs.load_cropped("mask.nii", (2, 2, 2), (20, 36, 10))),
    ("crop_or_pad to 20 x 36 x 10", image.crop_or_pad((20, 36, 10))),
    ("crop_or_pad to a cube of 40", image.crop_or_pad((40, 40, 40))),
    ("flip", image.flip([0])),
):
    new.save(str(Path("new.nii").resolve()))
    places = []
    for array in (np.asarray(new.to_numpy()), nib.load("new.nii").get_fdata()):
        parts = ndimage.find_objects(ndimage.label(array > 0)[0])
        places.append((len(parts), [f"{part.start}:{part.stop}" for part in parts[0]]))
    seen[name] = places[1]
    print(f"{name}: in Python {places[0][0]} object at {places[0][1]}, in the file {places[1][0]}, at {places[1][1]}")
expected = {
    "as it is": (1, ["5:17", "21:30", "6:8"]),
    "load_cropped": (1, ["3:15", "19:28", "4:6"]),
    "crop_or_pad to 20 x 36 x 10": (4, ["1:3", "10:14", "0:6"]),
    "crop_or_pad to a cube of 40": (1, ["16:18", "21:30", "10:22"]),
    "flip": (1, ["5:17", "21:30", "6:8"]),
}
if seen != expected:
    sys.exit("The behavior has changed: the files have other voxels.")
PY
