#!/usr/bin/env bash
# DICaugment's CropAndPad exchanges height and width of slices that are not square, and leaves key points behind.
#
# Versions: DICaugment 1.0.7, NumPy 2.4.6, SciPy 1.17.1, scikit-image 0.26.0.
# Behavior: with keep_size, the default, volumes and masks are resized to (columns, rows, slices) of the input, so they
#     are stretched along one axis and squeezed along the other. Key points are scaled for (rows, columns, slices).
# Expected: "the output shape is always identical to the input shape".
# Seen: 40 x 80 x 20 voxels, padded by 4 on each side: 80 x 40 x 20. A mask of 10 x 10 pixels becomes one of 17 x 5, 31
#     pixels away from the key point at its center.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 scipy==1.17.1 scikit-image==0.26.0 \
    opencv-python-headless==5.0.0.93 pydicom==3.0.2 dicaugment==1.0.7
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import dicaugment as dca
import numpy as np

print({name: version(name) for name in ("DICaugment", "numpy", "scipy", "scikit-image")})
volume = np.zeros((40, 80, 20), np.int16)
volume[10:20, 50:60, 8:12] = 1000
transform = dca.Compose(
    [dca.CropAndPad(px=4, p=1)], keypoint_params=dca.KeypointParams(format="xyz", remove_invisible=False)
)
out = transform(image=volume, mask=(volume > 0).astype(np.uint8), keypoints=[(54.5, 14.5, 9.5)])
places = np.argwhere(out["mask"])
size = (np.ptp(places, axis=0) + 1).tolist()[:2]
away = float(np.linalg.norm(places.mean(0)[:2] - np.array(out["keypoints"][0])[[1, 0]]))
print(f"volume {volume.shape} -> {out['image'].shape}, mask 10 x 10 -> {size[0]} x {size[1]} pixels in a slice")
print(f"center of the mask {places.mean(0)[:2].round(1).tolist()} (row, column), {away:.1f} pixels from its key point")
if out["image"].shape != (80, 40, 20) or size[0] < 2 * size[1] or away < 10:
    sys.exit("The behavior has changed: shape or places are others.")
PY
