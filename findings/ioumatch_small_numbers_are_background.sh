#!/usr/bin/env bash
# ioumatch reads masks of 16 bits as 8 bits: nuclei with numbers up to 255 are background, the others are merged.
#
# Versions: ioumatch 0.1.1, NumPy 2.2.6, OpenCV 4.11.0.86.
# Behavior: evaluate_paths reads label masks with OpenCV's IMREAD_GRAYSCALE, which divides 16 bits by 256. Masks of more
#     than 255 nuclei, which need 16 bits, keep a number or two: 1 ... 255 become 0, 256 ... 511 become 1. What is left
#     of a mask is then split into its parts. evaluate_image is right.
# Expected: the objects of the file, or an error.
# Seen: 400 nuclei, and a prediction without those numbered 1 ... 200. From arrays TP 200, FP 0, FN 200, F1 0.67; from
#     PNG files of the same arrays TP 145, FP 0, FN 0, F1 1.0.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.2.6 scipy==1.17.1 opencv-python-headless==4.11.0.86 ioumatch==0.1.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import cv2
import numpy as np
from ioumatch import evaluate_image, evaluate_paths

print({name: version(name) for name in ("ioumatch", "numpy", "opencv-python-headless")})
truth = np.zeros((200, 200), np.uint16)
for number in range(400):
    row, column = divmod(number, 20)
    truth[row * 10 + 2 : row * 10 + 8, column * 10 + 2 : column * 10 + 8] = number + 1
predicted = np.where(truth > 200, truth, 0).astype(np.uint16)
cv2.imwrite("truth.png", truth)
cv2.imwrite("predicted.png", predicted)
assert (cv2.imread("truth.png", cv2.IMREAD_UNCHANGED) == truth).all()
seen = {}
for name, scores in (
    ("arrays", evaluate_image(predicted, truth)),
    ("files", evaluate_paths("predicted.png", "truth.png")),
):
    seen[name] = scores["tp"], scores["fp"], scores["fn"], round(scores["f1"], 2)
    print(f"400 nuclei, 200 of them predicted, from {name}: TP, FP, FN and F1 {seen[name]}")
if seen != {"arrays": (200, 0, 200, 0.67), "files": (145, 0, 0, 1.0)}:
    sys.exit("The behavior has changed: other nuclei are found.")
PY
