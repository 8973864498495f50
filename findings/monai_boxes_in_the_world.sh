#!/usr/bin/env bash
# MONAI's boxes in the world lie half a voxel beside their object, to a side that depends on how the image is stored.
#
# Versions: MONAI 1.6.1, PyTorch 2.13.0, NumPy 2.4.6.
# Behavior: a box in an image goes from its first voxel to the one after its last, so it counts from the corner of voxel
#     0. The affine of an image counts from the middle of voxel 0. AffineBoxToWorldCoordinated applies it to the box as
#     it is, and so does its inverse: half a voxel is left out, in the direction of the axis.
# Expected: the same box in the world for the same lesion, whether the slices are stored from below or from above.
# Seen: a lesion from 112.5 to 122.5 mm in slices of 5 mm has a box from 115 to 125, and one from 110 to 120 if the
#     slices are stored the other way around. The IoU of both is 0.33, and 0.19 if all three axes are.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile torch==2.13.0 numpy==2.4.6 monai==1.6.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import torch
from monai.apps.detection.transforms.box_ops import convert_mask_to_box
from monai.apps.detection.transforms.dictionary import AffineBoxToWorldCoordinated
from monai.data import MetaTensor
from monai.data.box_utils import box_iou

print({name: version(name) for name in ("monai", "torch", "numpy")})
lesion = np.full((40, 30, 12), -1, np.int8)
lesion[10:16, 5:9, 3:5] = 0
affine = np.diag([0.7, 0.7, 5.0, 1.0])
affine[:3, 3] = -50, 20, 100
to_world = AffineBoxToWorldCoordinated("boxes", "image", affine_lps_to_ras=False)
boxes, true = {}, {}
for name, flipped in (("as it is", ()), ("slices flipped", (2,)), ("all axes flipped", (0, 1, 2))):
    stored = np.flip(lesion, flipped).copy() if flipped else lesion
    flip = np.eye(4)
    for axis in flipped:
        flip[axis, axis], flip[axis, 3] = -1, lesion.shape[axis] - 1
    image = MetaTensor(torch.as_tensor(stored)[None].float(), affine=torch.as_tensor(affine @ flip))
    box, _ = convert_mask_to_box(torch.as_tensor(stored)[None], bg_label=-1)
    boxes[name] = to_world({"image": image, "boxes": box})["boxes"]
    voxels = np.argwhere(stored == 0)
    corners = np.stack([voxels.min(axis=0) - 0.5, voxels.max(axis=0) + 0.5])
    corners = corners @ (affine @ flip)[:3, :3].T + (affine @ flip)[:3, 3]
    true[name] = [round(float(value), 2) for value in (*corners.min(axis=0), *corners.max(axis=0))]
    print(f"{name}: box in the image {box[0].int().tolist()}")
    print(f"    in the world {[round(value, 2) for value in boxes[name][0].tolist()]}, outer borders {true[name]}")
heights = {name: tuple(round(float(value), 2) for value in box[0, [2, 5]]) for name, box in boxes.items()}
overlap = {name: round(float(box_iou(boxes["as it is"], box)), 2) for name, box in boxes.items()}
print("IoU with the box of the image as it is:", overlap)
expected = {"as it is": (115, 125), "slices flipped": (110, 120), "all axes flipped": (110, 120)}
if heights != expected or list(overlap.values()) != [1.0, 0.33, 0.19]:
    sys.exit("The behavior has changed: the boxes lie elsewhere.")
PY
