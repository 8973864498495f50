#!/usr/bin/env bash
# Masks that Datumaro exports to COCO are crowds, which COCO's evaluation leaves out: a perfect result scores -1.
#
# Versions: Datumaro 1.13.12, pycocotools 2.0.11, NumPy 2.2.6.
# Behavior: Datumaro writes what was drawn as a mask with run lengths and iscrowd = 1, also if the mode of export is
#     "mask" and the attribute is_crowd of the mask is False: in its COCO files run lengths and crowds are the same. To
#     COCO a crowd is a region of objects that nobody has separated: it need not be found, and results that lie in it
#     are ignored. Without other objects the average precision is -1, for a perfect result as for a bad one; next to
#     objects that were drawn as polygons those drawn as masks are left out without a word, as they are by loaders that
#     skip crowds. The mode "polygons" writes iscrowd = 0, but its polygons run through the centers of the outermost
#     pixels, and holes are filled.
# Expected: iscrowd = 0 and run lengths, which COCO's evaluation takes for any object, unless somebody has said
#     is_crowd. Datumaro's documentation says of is_crowd that such an annotation covers multiple instances, and its
#     help that the attribute is a hint for how to write; neither that each mask becomes a crowd.
# Seen: three nuclei of 216 (one with a hole), 225 and 225 pixels. As masks: iscrowd 1, 1, 1; average precision -1 for
#     the very same masks as the result and for the first one alone. As polygons: areas 196, 196, 196, and average
#     precisions 0.74 and 0.24.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 datumaro==1.13.12 pycocotools==2.0.11
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import contextlib
import io
import json
import sys
from importlib.metadata import version

import numpy as np
from datumaro import Dataset, DatasetItem
from datumaro.components.annotation import Mask
from datumaro.components.media import Image
from pycocotools import mask as run_lengths
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

print({name: version(name) for name in ("datumaro", "pycocotools", "numpy")})
nuclei = np.zeros((3, 40, 60), np.uint8)
for nucleus, column in zip(nuclei, (3, 22, 41)):
    nucleus[10:25, column : column + 15] = 1
nuclei[0, 16:19, 9:12] = 0  # a hole


def export(mode, attributes):
    """iscrowd and area of each object in the file; average precision of the same masks and of the first alone."""
    folder = f"{mode}{len(attributes)}"
    drawn = [Mask(mask, label=0, id=k, group=k, attributes=attributes) for k, mask in enumerate(nuclei, 1)]
    image = Image.from_numpy(np.zeros((40, 60, 3), np.uint8))
    items = [DatasetItem("slide", subset="test", media=image, annotations=drawn)]
    dataset = Dataset.from_iterable(items, categories=["nucleus"])
    dataset.export(folder, "coco_instances", segmentation_mode=mode)
    file = f"{folder}/annotations/instances_test.json"
    with open(file) as opened:
        objects = json.load(opened)["annotations"]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(file)
        image_id, category = truth.getImgIds()[0], truth.getCatIds()[0]
        precisions = []
        for masks in (nuclei, nuclei[:1]):
            found = [
                {
                    "image_id": image_id,
                    "category_id": category,
                    "segmentation": run_lengths.encode(np.asfortranarray(mask)),
                    "score": 0.9,
                }
                for mask in masks
            ]
            evaluation = COCOeval(truth, truth.loadRes(found), "segm")
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
            precisions.append(round(float(evaluation.stats[0]), 2))
    return [row["iscrowd"] for row in objects], [row["area"] for row in objects], precisions


print("areas drawn:", nuclei.sum((1, 2)).tolist())
seen = {}
for mode, attributes in (("guess", {}), ("mask", {"is_crowd": False}), ("polygons", {})):
    seen[mode] = export(mode, attributes)
    print(f"{mode} {attributes}: iscrowd {seen[mode][0]}, areas {seen[mode][1]}, AP of all and of one {seen[mode][2]}")
crowds = ([1, 1, 1], [216.0, 225.0, 225.0], [-1.0, -1.0])
polygons = ([0, 0, 0], [196.0, 196.0, 196.0], [0.74, 0.24])
as_described = seen["guess"] == seen["mask"] == crowds and seen["polygons"] == polygons
sys.exit(0 if as_described else "The behavior has changed.")
PY
