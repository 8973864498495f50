#!/usr/bin/env bash
# json2png-annotation writes one mask for all images of a VIA file: that of the last image, under the name of the file.
#
# Versions: json2png-annotation 0.1.0, Pillow 11.3.0.
# Behavior: the name of a mask is that of the JSON file, whichever image it belongs to, so that each mask overwrites the
#     one before. The list of files that is returned has the same path once for every image.
# Expected: a mask for each image, as the VGG Image Annotator writes all images of a project into one file.
# Seen: lesions of 21 × 21 pixels in the first and the second of three images, none in the third: three masks are
#     reported, one is there, and it is empty.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile pillow==11.3.0 numpy==2.2.6
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps json2png-annotation==0.1.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
from json2png_annotation import convert_annotations
from PIL import Image

print({name: version(name) for name in ("json2png-annotation", "pillow")})


def image(name, *lefts):
    regions = {}
    for number, left in enumerate(lefts):
        xs, ys = [left, left + 20, left + 20, left], [30, 30, 50, 50]
        outline = {"name": "polygon", "all_points_x": xs, "all_points_y": ys}
        regions[str(number)] = {"shape_attributes": outline, "region_attributes": {}}
    return {"filename": name, "size": 1, "regions": regions, "file_attributes": {}}


images = [image("a.png", 10), image("b.png", 60), image("c.png")]
Path("via").mkdir()
Path("via/project.json").write_text(json.dumps({entry["filename"] + "1": entry for entry in images}))
reported = convert_annotations("via", "masks", 100, 100)
files = sorted(Path("masks").iterdir())
areas = [int(np.count_nonzero(np.asarray(Image.open(file)))) for file in files]
print(f"{len(images)} images with", [len(entry["regions"]) for entry in images], "lesions;", end=" ")
print(f"{len(reported)} masks reported, {len(files)} written:", [file.name for file in files], "pixels", areas)
if len(reported) != 3 or [file.name for file in files] != ["project.png"] or areas != [0]:
    sys.exit("The behavior has changed: the masks are others.")
PY
