#!/usr/bin/env bash
# A TIFF label with a palette is read by SimpleITK as colors, 256 times too large: class 1 is 20480.
#
# Versions: SimpleITK 2.5.7, Pillow 13.0.0, NumPy 2.4.6.
# Behavior: in a picture with a palette, as annotation tools write class maps, the pixels are class indices and the
#     palette says only how to show them. SimpleITK replaces the indices by the palette. Of a PNG these are 8-bit
#     colors; of a TIFF the 16-bit entries of the palette, 256 times the 8-bit color; and if the palette is gray, one
#     channel that looks like a label and is none.
# Expected: the indices, as Pillow gives them; or at least the 8-bit colors.
# Seen: classes 0, 1, 2, 3 shown as grays 0, 80, 160, 255: a 16-bit image of one channel with 0, 20480, 40960, 65280
#     from TIFF, three 8-bit channels of 0, 80, 160, 255 from PNG; Pillow reads 0, 1, 2, 3 from both.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 simpleitk==2.5.7 pillow==13.0.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk
from PIL import Image

print({name: version(name) for name in ("simpleitk", "pillow", "numpy")})
classes = np.arange(16, dtype=np.uint8).reshape(4, 4) % 4
picture = Image.fromarray(classes)
picture.putpalette([gray for gray in (0, 80, 160, 255) for _ in "rgb"])
seen = {}
for file in ("label.png", "label.tif"):
    picture.save(file)
    image = sitk.ReadImage(file)
    values = sitk.GetArrayFromImage(image)
    seen[file] = image.GetPixelIDTypeAsString(), np.unique(values).tolist()
    print(f"{file}: SimpleITK {seen[file]}, Pillow {np.unique(np.asarray(Image.open(file))).tolist()}")
if seen["label.tif"] != ("16-bit unsigned integer", [0, 20480, 40960, 65280]) or "vector" not in seen["label.png"][0]:
    sys.exit("The behavior has changed: the palette is read otherwise.")
PY
