#!/usr/bin/env bash
# sonocrop blacks out the whole ultrasound if the clip is long enough.
#
# Versions: sonocrop 0.56, OpenCV 4.11.0.86, NumPy 2.2.6, fire 0.7.1, rich 14.2.0.
# Behavior: a pixel is static if the number of its gray levels is at most 5 % of the number of frames (10 % for crop).
#     There are at most 256 gray levels, and about 20 in dark tissue. What moves in a short clip is static in a longer
#     one of the same view: with 20 levels from 400 frames on, 16 seconds, with all 256 from 5120 frames on.
# Expected: "Blackout static pixels": pixels that change stay, however long one looks at them.
# Seen: a field of 32 x 32 pixels in which each pixel has 20 gray levels: all 1024 pixels are left of a clip of 100
#     frames, and none of one of 400, which begins with the same 100. The edges for cropping are 16 and 48 in the one,
#     and 32 and 32 in the other: an image without a pixel.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 opencv-python-headless==4.11.0.86 \
    fire==0.7.1 rich==14.2.0
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps sonocrop==0.56
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import contextlib
import io
import sys
from importlib.metadata import version

import cv2
import numpy as np
from sonocrop import cli, vid

print({name: version(name) for name in ("sonocrop", "opencv-python-headless", "numpy", "fire", "rich")})
frames = np.zeros((400, 64, 64), np.uint8)
frames[:, 16:48, 16:48] = 100 + np.random.RandomState(0).randint(0, 20, (400, 32, 32))
seen = {}
for length in (100, 400):
    writer = cv2.VideoWriter(f"{length}.avi", cv2.VideoWriter_fourcc(*"FFV1"), 25, (64, 64), True)
    for frame in frames[:length]:
        writer.write(np.repeat(frame[..., None], 3, 2))
    writer.release()
    if not np.array_equal(vid.loadvideo(f"{length}.avi")[0], frames[:length]):
        sys.exit("The clip was not written without loss.")
    with contextlib.redirect_stdout(io.StringIO()):
        cli.mask(f"{length}.avi", f"{length}.mp4")
    left = int((vid.loadvideo(f"{length}.mp4")[0][0] > 50).sum())
    seen[length] = left, cli.edges(f"{length}.avi")
    print(f"{length} frames: {left} of 1024 pixels are left, edges {seen[length][1]}")
if seen != {100: (1024, "16,48,16,48"), 400: (0, "32,32,32,32")}:
    sys.exit("The behavior has changed: other pixels are left.")
PY
