#!/usr/bin/env bash
# Masks that supervision writes to a COCO file are a row and a column smaller when pycocotools reads them.
#
# Versions: supervision 0.31.2, pycocotools 2.0.11, OpenCV 5.0.0.93, NumPy 2.4.6.
# Behavior: the polygon in the file goes through the middles of the outermost pixels. supervision draws it with its
#     border and has all pixels back; pycocotools, with which such files are evaluated, takes it for the border itself.
#     The "area" in the file is that of the mask, the box is a pixel too small as well.
# Expected: the mask in the file is the mask that was written, for both.
# Seen: 10 x 15 pixels are 126 instead of 150, a nucleus of 4 x 4 is 9 instead of 16, a vessel two pixels wide 59
#     instead of 120. A perfect result scores an average precision of 0.3.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.4.6 scipy==1.17.1 opencv-python-headless==5.0.0.93 pycocotools==2.0.11 supervision==0.31.2
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import contextlib
import io
import sys
from importlib.metadata import version

import cv2
import numpy as np
import supervision
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from pycocotools.mask import encode

print({name: version(name) for name in ("supervision", "pycocotools", "numpy")}, "OpenCV", cv2.__version__)
masks = np.zeros((3, 60, 80), bool)
masks[0, 10:20, 10:25] = True
masks[1, 30:34, 10:14] = True
masks[2, 50:52, 10:70] = True
cv2.imwrite("image.png", np.zeros((60, 80, 3), np.uint8))
objects = supervision.Detections(supervision.mask_to_xyxy(masks).astype(float), mask=masks, class_id=np.zeros(3, int))
data = supervision.DetectionDataset(classes=["nucleus"], images=["image.png"], annotations={"image.png": objects})
data.as_coco(images_directory_path="images", annotations_path="coco.json")
again = supervision.DetectionDataset.from_coco("images", "coco.json", force_masks=True)
with contextlib.redirect_stdout(io.StringIO()):
    coco = COCO("coco.json")
annotations = [coco.anns[number] for number in sorted(coco.anns)]
written = [int(mask.sum()) for mask in masks]
read = [int(coco.annToMask(annotation).sum()) for annotation in annotations]
own = [int(mask.sum()) for mask in next(iter(again.annotations.values())).mask]
print(f"pixels written {written}, read by supervision {own}, by pycocotools {read}")
print("in the file: areas", [each["area"] for each in annotations], "boxes", [each["bbox"] for each in annotations])
results = []
for annotation, mask in zip(annotations, masks):
    encoded = encode(np.asfortranarray(mask.astype(np.uint8)))
    results.append({"image_id": annotation["image_id"], "category_id": annotation["category_id"], "score": 1.0})
    results[-1]["segmentation"] = encoded
with contextlib.redirect_stdout(io.StringIO()):
    evaluation = COCOeval(coco, coco.loadRes(results), "segm")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
precision = round(float(evaluation.stats[0]), 2)
print("average precision of the masks that were written:", precision)
if (own, read, precision) != (written, [126, 9, 59], 0.3):
    sys.exit("The behavior has changed: the masks are of another size.")
PY
