#!/usr/bin/env bash
# imgaug reflects an image at its border, and not its mask: the mirrored organ is background.
#
# Versions: imgaug 0.4.0, NumPy 1.23.5, OpenCV 4.8.1.78, scikit-image 0.21.0.
# Behavior: mode="reflect" (or "symmetric") of Affine and pad_mode="reflect" of Pad fill what comes in from outside with
#     the mirrored image. Segmentation maps that are augmented in the same call are always filled with 0 there. The
#     network is shown organs that are labeled as background, and nothing is said.
# Expected: the mask is mirrored as its image is, or marks what it does not know.
# Seen: an organ of 20 x 16 = 320 pixels next to the right border. After Pad by 20 columns the image shows 640 pixels of
#     it, of which 320 have a label. Moved by 10 columns to the left: 460 and 320.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==1.23.5 scipy==1.10.1 scikit-image==0.21.0 opencv-python-headless==4.8.1.78 shapely==2.0.7 \
    imageio==2.31.6 pillow==9.5.0 matplotlib==3.8.4 contourpy==1.2.1 six==1.17.0
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps imgaug==0.4.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import imgaug.augmenters as iaa
import numpy as np
from imgaug.augmentables.segmaps import SegmentationMapsOnImage

print({name: version(name) for name in ("imgaug", "numpy", "opencv-python-headless", "scikit-image")})
image = np.zeros((60, 60, 3), np.uint8)
image[20:40, 40:56] = 200
mask = SegmentationMapsOnImage((image[..., 0] > 0).astype(np.uint8), shape=image.shape)
seen = {}
for name, augmenter in (
    ("pad", iaa.Pad(px=(0, 20, 0, 0), pad_mode="reflect", keep_size=False)),
    ("move", iaa.Affine(translate_px={"x": -10}, mode="reflect")),
):
    new_image, new_mask = augmenter(image=image, segmentation_maps=mask)
    shown, labeled = new_image[..., 0] > 100, new_mask.get_arr() > 0
    seen[name] = int(shown.sum()), int(labeled.sum()), int((shown & ~labeled).sum())
    print(f"{name}: {seen[name][0]} pixels of the organ in the image, {seen[name][1]} in the mask, "
          f"{seen[name][2]} shown without a label")
if seen != {"pad": (640, 320, 320), "move": (460, 320, 140)}:
    sys.exit("The behavior has changed: the mask is another one.")
PY
