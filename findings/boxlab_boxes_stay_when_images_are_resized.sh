#!/usr/bin/env bash
# boxlab resizes, mirrors and turns training images, but not their boxes: a lesion and its box lie apart.
#
# Versions: boxlab 0.1.4, PyTorch 2.14.1, torchvision 0.29.1, pydantic 2.12.4.
# Behavior: build_torchdataset applies its transforms to the image alone. Boxes have the pixels of the file, whatever the
#     size of the image that is handed out with them, also without augmentation.
# Expected: boxes of the image that is returned, as image_size and augment are options for detection data sets.
# Seen: a lesion of 40 × 40 pixels at the right of an image of 400 × 400. At image_size 200 it is at x = 150 to 169, and
#     its box at 300 to 340, outside of the image. With augment and no resizing, the box holds less than half of the
#     lesion in 93 % of 200 draws, mostly nothing of it.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==1.26.4 pandas==2.3.3 pillow==12.0.0 \
    pydantic==2.12.4 PyYAML==6.0.3 matplotlib==3.10.8 plotly==6.5.0 halo==0.0.31 torch==2.14.1 torchvision==0.29.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps boxlab==0.1.4
cd "$work"
MPLBACKEND=Agg "$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from boxlab.dataset import Dataset
from boxlab.dataset.torchadapter import build_torchdataset
from boxlab.dataset.types import Annotation, BBox, ImageInfo
from PIL import Image

print({name: version(name) for name in ("boxlab", "torch", "torchvision", "pydantic")})
pixels = np.zeros((400, 400, 3), np.uint8)
pixels[180:220, 300:340] = 255
Image.fromarray(pixels).save("image.png")
dataset = Dataset(name="lesions")
dataset.add_category(1, "lesion")
dataset.add_image(ImageInfo(image_id="1", file_name="image.png", width=400, height=400, path=Path("image.png")))
box = BBox.from_xywh(300, 180, 40, 40)
dataset.add_annotation(Annotation(bbox=box, category_id=1, category_name="lesion", image_id="1", annotation_id="1"))


def extent(image):
    columns = torch.nonzero((image[0] > 0.25).any(dim=0)).ravel()
    return int(columns.min()), int(columns.max())


image, target = build_torchdataset(dataset, image_size=200)[0]
left, _, right, _ = target["boxes"][0].tolist()
small = extent(image), (left, right)
print(f"image of {tuple(image.shape[1:])}: lesion from x = {small[0][0]} to {small[0][1]}, box from {left} to {right}")
torch.manual_seed(0)
augmented = build_torchdataset(dataset, augment=True)
shares = []
for _ in range(200):
    image, target = augmented[0]
    left, top, right, bottom = (int(value) for value in target["boxes"][0])
    lesion = image[0] > 0.25
    shares.append(float(lesion[top:bottom, left:right].sum() / lesion.sum().clamp(min=1)))
apart = np.mean(np.array(shares) < 0.5)
print(f"augmented: the box holds less than half of the lesion in {apart:.0%} of 200 draws,", end=" ")
print(f"{np.median(shares):.2f} of it in the median")
if small != ((150, 169), (300.0, 340.0)) or apart < 0.8:
    sys.exit("The behavior has changed: the boxes are elsewhere.")
PY
