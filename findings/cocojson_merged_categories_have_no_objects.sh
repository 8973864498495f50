#!/usr/bin/env bash
# cocojson merges data sets to one without any object if a category is chosen that is not the last one.
#
# Versions: cocojson 0.1.1, OpenCV 5.0.0.93, NumPy 2.2.6.
# Behavior: whether an object is taken is decided by the number of the last category of the file instead of its own. All
#     objects are left out, without a word, or all are taken, which ends with a KeyError for those of other categories.
# Expected: "Only given category IDs for each dataset will be merged."
# Seen: two files, each with two nuclei (category 1) and a cell (category 2). Without a choice: 6 objects. Category 1 of
#     both: no object, and a list of categories with nucleus in it. Both categories: 6. Category 2: KeyError.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.2.6 opencv-python-headless==5.0.0.93 pillow==13.0.0 tqdm==4.70.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps cocojson==0.1.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import contextlib
import io
import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
from cocojson.tools.merge import merge
from PIL import Image

print({name: version(name) for name in ("cocojson", "opencv-python-headless", "numpy")})
for name in ("first", "second"):
    Path(name).mkdir()
    Image.fromarray(np.zeros((32, 32), np.uint8)).save(f"{name}/a.png")
    objects = [
        {"id": number, "image_id": 1, "category_id": category, "bbox": [4 * number, 4, 3, 3], "area": 9, "iscrowd": 0}
        for number, category in ((1, 1), (2, 2), (3, 1))
    ]
    categories = [{"id": 1, "name": "nucleus"}, {"id": 2, "name": "cell"}]
    images = [{"id": 1, "file_name": "a.png", "width": 32, "height": 32}]
    Path(f"{name}.json").write_text(json.dumps({"images": images, "annotations": objects, "categories": categories}))
seen = {}
for name, chosen in (("all", None), ("1", [[1], [1]]), ("1 and 2", [[1, 2], [1, 2]]), ("2", [[2], [2]])):
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            merge(["first.json", "second.json"], ["first", "second"], "merged", cids=chosen)
        merged = json.loads(Path("merged/merged.json").read_text())
        seen[name] = len(merged["annotations"]), [category["name"] for category in merged["categories"]]
    except KeyError as error:
        seen[name] = f"KeyError {error}"
    print(f"categories {name}: {seen[name]}")
if seen != {"all": (6, ["nucleus", "cell"]), "1": (0, ["nucleus"]), "1 and 2": (6, ["nucleus", "cell"]),
            "2": "KeyError 1"}:
    sys.exit("The behavior has changed: other objects are merged.")
PY
