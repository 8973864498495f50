#!/usr/bin/env bash
# iaa-od's C-Score of raters who never agree on a class is 0.67 with two of them, 0.5 with three.
#
# Versions: iaa-od 4.4.0, NumPy 2.4.6.
# Behavior: every rater is compared with all raters, himself included, with whom he always agrees. Of two raters three
#     pairs are averaged, two of which are a rater and himself.
# Expected: 0 for raters without any agreement, as the score is said to lie between 0 and 1, and a score that does not
#     depend on the number of raters.
# Seen: raters who draw the same boxes in ten images; one calls all of them cysts, one tumors, one stones. The score of
#     the first two is 0.667, that of all three 0.5; that of a rater who is there twice 1.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile iaa-od==4.4.0 numpy==2.4.6
cd "$work"
MPLBACKEND=Agg "$work/venv/bin/python" -W ignore - <<'PY'
import json
import sys
from importlib.metadata import version
from pathlib import Path

from iaa_od import GroundTruth, c_score

print({name: version(name) for name in ("iaa-od", "numpy")})
names = ("cyst", "tumor", "stone")


def rater(number: int) -> GroundTruth:
    boxes = [
        {"id": k + 1, "image_id": k // 2 + 1, "category_id": number, "bbox": [10 + 40 * (k % 2), 10, 20, 20]}
        for k in range(20)
    ]
    for box in boxes:
        box.update(area=400, iscrowd=0)
    images = [{"id": i, "file_name": f"{i}.png", "width": 100, "height": 100} for i in range(1, 11)]
    categories = [{"id": i, "name": name} for i, name in enumerate(names, 1)]
    path = Path(f"{names[number - 1]}.json")
    path.write_text(json.dumps({"images": images, "categories": categories, "annotations": boxes}))
    return GroundTruth.from_file(str(path), name=path.stem)


first, second, third = rater(1), rater(2), rater(3)
two, three = c_score([first, second]).global_value, c_score([first, second, third]).global_value
same = c_score([first, first]).global_value
print(f"raters who never agree: two {two:.3f}, three {three:.3f}; a rater and himself: {same:.3f}")
if abs(two - 2 / 3) > 1e-9 or abs(three - 0.5) > 1e-9 or same != 1:
    sys.exit("The behavior has changed: the scores are others.")
PY
