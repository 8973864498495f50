#!/usr/bin/env bash
# umetrix counts cells that touch as one: a result that merges them has a Jaccard index of 1.
#
# Versions: umetrix 0.2.0, SciPy 1.17.1, scikit-image 0.26.0, NumPy 2.2.6.
# Behavior: calculate takes "labeled objects from the ground truth" and "from the segmentation algorithm", and throws
#     the numbers away: what is not 0 is numbered anew, by what is connected. Cells next to each other, in the ground
#     truth as in the prediction, are one object. Merged and split cells, which this measure is there for, cost nothing.
# Expected: the objects that are numbered in the two images.
# Seen: four cells that touch, numbered 1 to 4, and one apart from them. A result that merges the four: two objects in
#     both images, Jaccard 1.0, all IoU 1.0, with strict matching as well; a result that splits each of them, the same.
#     The same four cells with a pixel between them, merged: Jaccard 0.17.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.2.6 scipy==1.17.1 scikit-image==0.26.0 pandas==2.3.3 scikit-learn==1.9.1 matplotlib==3.11.2 tqdm==4.70.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps umetrix==0.2.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import umetrix

print({name: version(name) for name in ("umetrix", "scipy", "scikit-image", "numpy")})


def cells(side: int) -> np.ndarray:
    """Four cells of `side` pixels in squares of 10 pixels, and one apart from them."""
    image = np.zeros((60, 60), int)
    for number, (row, column) in enumerate(((5, 5), (5, 15), (15, 5), (15, 15), (40, 40)), 1):
        image[row : row + side, column : column + side] = number
    return image


def merged(image: np.ndarray) -> np.ndarray:
    result = image.copy()
    result[5:25, 5:25] = 1
    return result


touching, apart = cells(10), cells(9)
halves = touching * 2 + (np.indices(touching.shape)[0] % 10 < 5) * (touching > 0)
seen = {}
for name, truth, result in (
    ("merged", touching, merged(touching)),
    ("split", touching, halves),
    ("merged, apart in the truth", apart, merged(apart)),
):
    found = umetrix.calculate(truth, result, strict=True, iou_threshold=0.5)
    numbered = [len(np.unique(image)) - 1 for image in (truth, result)]
    seen[name] = numbered, [found.n_true_labels, found.n_pred_labels], round(found.results.Jaccard, 2)
    print(f"{name}: {numbered} objects, counted {seen[name][1]}, Jaccard {seen[name][2]}")
if seen != {
    "merged": ([5, 2], [2, 2], 1.0),
    "split": ([5, 10], [2, 2], 1.0),
    "merged, apart in the truth": ([5, 2], [5, 2], 0.17),
}:
    sys.exit("The behavior has changed: other objects are counted.")
PY
