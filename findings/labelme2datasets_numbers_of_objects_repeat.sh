#!/usr/bin/env bash
# labelme2datasets numbers the objects of every image from 1 on: pycocotools finds those of the last image everywhere.
#
# Versions: labelme2datasets 0.0.4, xmltodict 0.13.0, pycocotools 2.0.11.
# Behavior: the number of an object is counted anew for each Pascal VOC file. In COCO files it is one of the whole file,
#     and pycocotools finds objects by it.
# Expected: a perfect result has average precision 1, as the file is one in COCO's format.
# Seen: three images with two lesions each, in different places: six objects with two numbers. pycocotools reads the
#     boxes of the last image for all three; a perfect result has an average precision of 0.11.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 xmltodict==0.13.0 pycocotools==2.0.11
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps labelme2datasets==0.0.4
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import contextlib
import io
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

print({name: version(name) for name in ("labelme2datasets", "xmltodict", "pycocotools")})
corners = {"a": [(10, 10), (60, 20)], "b": [(110, 110), (160, 120)], "c": [(10, 150), (150, 10)]}
for folder in ("Annotations", "JPEGImages", "ImageSets/Main"):
    Path("voc", folder).mkdir(parents=True)
for name, places in corners.items():
    boxes = [f"<xmin>{x}</xmin><ymin>{y}</ymin><xmax>{x + 29}</xmax><ymax>{y + 29}</ymax>" for x, y in places]
    objects = "".join(f"<object><name>lesion</name><bndbox>{box}</bndbox></object>" for box in boxes)
    size = "<size><width>200</width><height>200</height><depth>3</depth></size>"
    text = f"<annotation><filename>{name}.jpg</filename>{size}{objects}</annotation>"
    Path(f"voc/Annotations/{name}.xml").write_text(text)
    Path(f"voc/JPEGImages/{name}.jpg").touch()
Path("voc/ImageSets/Main/train.txt").write_text("\n".join(corners) + "\n")
Path("voc/class_names.txt").write_text("_background_\nlesion\n")
command = [sys.executable, "-m", "labelme2datasets.voc2coco", "--voc_dir", "voc", "--coco_dir", "coco"]
subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
data = json.loads(Path("coco/annotations/train.json").read_text())
numbers = [annotation["id"] for annotation in data["annotations"]]
result = [{**annotation, "score": 1.0} for annotation in data["annotations"]]
keys = ("image_id", "category_id", "bbox", "score")
with contextlib.redirect_stdout(io.StringIO()):
    truth = COCO("coco/annotations/train.json")
    found = truth.loadRes([{key: entry[key] for key in keys} for entry in result])
    evaluation = COCOeval(truth, found, "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
print(f"{len(numbers)} objects with the numbers {numbers}")
read = {}
for image in data["images"]:
    read[image["file_name"]] = [a["bbox"][:2] for a in truth.loadAnns(truth.getAnnIds(imgIds=[image["id"]]))]
    print(f"{image['file_name']}: boxes at {corners[image['file_name'][0]]}, read {read[image['file_name']]}")
precision = evaluation.stats[0]
print(f"average precision of a perfect result: {precision:.2f}")
if numbers != [1, 2] * 3 or read["a.jpg"] != read["c.jpg"] or precision > 0.9:
    sys.exit("The behavior has changed: the objects are others.")
PY
