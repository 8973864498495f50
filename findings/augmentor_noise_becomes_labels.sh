#!/usr/bin/env bash
# Augmentor applies what is meant for intensities to masks as well: noise becomes labels, and class 2 becomes class 1.
#
# Versions: Augmentor 0.2.12, Pillow 9.5.0, NumPy 1.23.5.
# Behavior: with Pipeline.ground_truth "the augmented images are passed through the pipeline in parallel with their
#     ground truth". Geometric operations keep the values of a mask. random_erasing fills a rectangle of the mask with
#     random values of 0 to 255, random_brightness and random_contrast multiply the class numbers.
# Expected: masks with the classes they had; the erased rectangle as it was, or as background.
# Seen: a mask of the classes 0, 1 and 2. After rotate and zoom: 0, 1, 2. After random_erasing: about 250 values. After
#     random_brightness and random_contrast with factors of 0.5 to 0.9: 0 and 1, class 2 is class 1, class 1 is
#     background.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==1.23.5 pillow==9.5.0 tqdm==4.70.1 future==1.0.0
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps augmentor==0.2.12
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import contextlib
import io
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

import Augmentor
import numpy as np
from PIL import Image

print({name: version(name) for name in ("Augmentor", "pillow", "numpy")})
mask = np.zeros((100, 100), np.uint8)
mask[30:70, 20:80] = 2
mask[30:70, 20:50] = 1
for folder, array in (("image", np.stack([mask * 100] * 3, axis=-1)), ("mask", mask)):
    Path(folder).mkdir()
    Image.fromarray(array).save(f"{folder}/a.png")
seen = {}
for name, arguments in (
    ("rotate", (10, 10)),
    ("zoom", (1.1, 1.5)),
    ("random_erasing", (0.5,)),
    ("random_brightness", (0.5, 0.9)),
    ("random_contrast", (0.5, 0.9)),
):
    shutil.rmtree("image/output", ignore_errors=True)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        pipeline = Augmentor.Pipeline("image")
        pipeline.ground_truth("mask")
        pipeline.set_seed(0)
        getattr(pipeline, name)(1, *arguments)
        pipeline.sample(3, multi_threaded=False)
    masks = [np.array(Image.open(path)) for path in sorted(Path("image/output").glob("_groundtruth*"))]
    values = np.unique(masks)
    seen[name] = values.tolist() if len(values) < 4 else "noise" if len(values) > 200 else "other"
    print(f"{name}: {len(masks)} masks with {len(values)} values, {values[:4].tolist()} ... {values[-1]}")
expected = {"rotate": [0, 1, 2], "zoom": [0, 1, 2], "random_erasing": "noise"}
if seen != {**expected, "random_brightness": [0, 1], "random_contrast": [0, 1]}:
    sys.exit("The behavior has changed: masks have other values.")
PY
