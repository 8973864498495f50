#!/usr/bin/env bash
# The field AnatomicalOrientation of a MetaImage does not orient the image.
#
# Versions: SimpleITK 2.5.7, NumPy 2.4.6.
# Behavior: only TransformMatrix counts when ITK reads a MetaImage. A header that says "AnatomicalOrientation = ASL" and
#     has no matrix gets the identity, the same as one that says "RAS", and the letters are not kept as metadata.
# Expected: the letters orient the image where no matrix is given (or a warning that they cannot).
# Seen: RAS, LPI and ASL without a matrix: direction is the identity for each, one voxel along the first axis is
#     1 mm to the left for each.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 simpleitk==2.5.7
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk

print({name: version(name) for name in ("simpleitk", "numpy")})
directions = {}
for letters in ("RAS", "LPI", "ASL"):
    header = (
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n"
        f"AnatomicalOrientation = {letters}\nElementSpacing = 1 1 1\nDimSize = 4 5 6\n"
        "ElementType = MET_UCHAR\nElementDataFile = LOCAL\n"
    )
    with open("label.mha", "wb") as file:
        file.write(header.encode() + np.zeros((6, 5, 4), np.uint8).tobytes())
    image = sitk.ReadImage("label.mha")
    directions[letters] = image.GetDirection()
    print(letters, "->", image.GetDirection(), {key: image.GetMetaData(key) for key in image.GetMetaDataKeys()})
if set(directions.values()) != {(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)}:
    sys.exit("The behavior has changed: the letters have an influence on the direction.")
PY
