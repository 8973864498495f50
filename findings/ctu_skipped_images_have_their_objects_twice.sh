#!/usr/bin/env bash
# ctu skips an image that is in two COCO files, but not its objects: each of them is there twice.
#
# Versions: ctu 0.2.1, pycocotools 2.0.11, OpenCV 4.11.0.86, NumPy 2.2.6.
# Behavior: with if_img_name_match="skip", its default, only the entry of the image is left out of the merged file; the
#     objects of the second file are added to the image of the first one.
# Expected: the second image is skipped together with its objects.
# Seen: two files of which each has two images, one of them in both with the same two nuclei. The merged file has three
#     images and eight nuclei instead of six. A result with every nucleus once has an average recall of 0.75 or less.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 opencv-python-headless==4.11.0.86 \
    matplotlib==3.10.8 pycocotools==2.0.11
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps ctu==0.2.1
cd "$work"
MPLBACKEND=Agg "$work/venv/bin/python" -W ignore - <<'PY'
import contextlib
import io
import sys
from importlib.metadata import version

from ctu import AggreagateCoco
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

print({name: version(name) for name in ("ctu", "pycocotools", "opencv-python-headless", "numpy")})


def file(*pictures: str) -> dict:
    images = [{"id": k, "file_name": name, "width": 100, "height": 100} for k, name in enumerate(pictures, 1)]
    objects = [
        {"id": 2 * k + side, "image_id": k, "category_id": 1, "bbox": [10 + 50 * side, 10, 20, 20]}
        for k in range(1, len(pictures) + 1)
        for side in (0, 1)
    ]
    for item in objects:
        item.update(area=400, iscrowd=0, segmentation=[])
    return {"info": {}, "images": images, "categories": [{"id": 1, "name": "nucleus"}], "annotations": objects}


merged = AggreagateCoco([file("a.png", "b.png"), file("b.png", "c.png")]).run(show_warning=False)
objects = merged["annotations"]
distinct = {(item["image_id"], tuple(item["bbox"])) for item in objects}
print(f"images: {len(merged['images'])}, objects: {len(objects)}, different ones: {len(distinct)}")
for number, item in enumerate(objects, 1):
    item["id"] = number
with contextlib.redirect_stdout(io.StringIO()):
    truth = COCO()
    truth.dataset = merged
    truth.createIndex()
    found = [{"image_id": image, "category_id": 1, "bbox": list(box), "score": 0.9} for image, box in sorted(distinct)]
    evaluation = COCOeval(truth, truth.loadRes(found), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
print(f"average recall of a result with every nucleus once: {evaluation.stats[8]:.2f}")
if (len(merged["images"]), len(objects), len(distinct)) != (3, 8, 6) or abs(evaluation.stats[8] - 0.75) > 1e-6:
    sys.exit("The behavior has changed: there are other objects.")
PY
