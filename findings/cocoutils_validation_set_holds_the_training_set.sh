#!/usr/bin/env bash
# cocoutils-cv converts a second folder together with the first: the validation set holds all training images.
#
# Versions: cocoutils-cv 0.0.2, pycocotools 2.0.11, OpenCV 4.11.0.86.
# Behavior: what is converted is collected in one dictionary of the module, which each new Transfer takes over with all
#     that is in it. Numbers start again with 0, so that images and objects of the two sets share theirs.
# Expected: each file holds the folder that was given, as a new Transfer is made for each.
# Seen: three training and two validation files of Pascal VOC: val.json has five images with the numbers 0, 1, 2, 0, 1
#     and the class twice. The other order puts the validation images into the training set.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 opencv-python-headless==4.11.0.86 \
    pycocotools==2.0.11 matplotlib==3.10.8 tqdm==4.67.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps cocoutils-cv==0.0.2
cd "$work"
MPLBACKEND=Agg "$work/venv/bin/python" -W ignore - <<'PY'
import contextlib
import io
import json
import sys
from importlib.metadata import version
from pathlib import Path

from cocoutils import Transfer

print({name: version(name) for name in ("cocoutils-cv", "pycocotools", "opencv-python-headless")})
box = "<bndbox><xmin>10</xmin><ymin>10</ymin><xmax>50</xmax><ymax>50</ymax></bndbox>"
for folder, names in (("train", "abc"), ("val", "de")):
    Path(folder).mkdir()
    for name in names:
        size = "<size><width>200</width><height>100</height></size>"
        entry = f"<filename>{name}.jpg</filename>{size}<object><name>lesion</name>{box}</object>"
        Path(folder, f"{name}.xml").write_text(f"<annotation>{entry}</annotation>")
seen = {}
for folder in ("train", "val"):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        Transfer().voc2coco(f"{folder}.json", folder)
    data = json.loads(Path(f"{folder}.json").read_text())
    seen[folder] = sorted(image["file_name"] for image in data["images"])
    numbers = [image["id"] for image in data["images"]]
    print(f"{folder}:", sorted(path.stem for path in Path(folder).iterdir()), "given;", seen[folder], "written", end=" ")
    print("with the numbers", numbers, "and the classes", [category["name"] for category in data["categories"]])
if seen != {"train": ["a.jpg", "b.jpg", "c.jpg"], "val": ["a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg"]}:
    sys.exit("The behavior has changed: the sets are others.")
PY
