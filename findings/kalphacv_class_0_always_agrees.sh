#!/usr/bin/env bash
# kalphacv's agreement of annotators is 1 whatever they draw, if their class has the number 0.
#
# Versions: kalphacv 1.5.2, krippendorff 0.9.0, shapely 2.1.2, SciPy 1.17.1, NumPy 2.4.6.
# Behavior: an object that an annotator has not drawn gets the class 0, to count against the class of those who have.
#     If that class is itself number 0, as the first class of a COCO file often is, "drawn" and "not drawn" are the
#     same, only one class is left, and one class is complete agreement. The README allows a number or a name.
# Expected: an agreement that does not depend on the number of the class.
# Seen: two annotators, two squares each, none at a common place: 1.0 with class 0, -0.75 with class 1, 2 or a name.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.4.6 scipy==1.17.1 shapely==2.1.2 pillow==13.0.0 krippendorff==0.9.0 tqdm==4.70.1 pandas==3.1.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps kalphacv==1.5.2
cd "$work"
"$work/venv/bin/python" - <<'PY'
import json
import sys
from importlib.metadata import version
from pathlib import Path

from kalphacv import calculate_iaa_from_annotations

print({name: version(name) for name in ("kalphacv", "krippendorff", "shapely", "scipy", "numpy")})
drawn = {
    "the same": {"A": [(10, 10), (60, 60)], "B": [(10, 10), (60, 60)]},
    "nothing in common": {"A": [(10, 10), (60, 60)], "B": [(110, 110), (150, 150)]},
}
seen = {}
for name, places in drawn.items():
    for number in (0, 1, 2, "lesion"):
        annotations = [
            {
                "id": 10 * place + (rater == "B"),
                "image_id": 1,
                "category_id": number,
                "segmentation": [[x, y, x + 20, y, x + 20, y + 20, x, y + 20]],
                "bbox": [x, y, 20, 20],
                "rater": rater,
            }
            for rater, corners in places.items()
            for place, (x, y) in enumerate(corners, start=1)
        ]
        image = {"id": 1, "file_name": "image.png", "width": 200, "height": 200, "rater_list": ["A", "B"]}
        file = {"images": [image], "annotations": annotations, "categories": [{"id": number, "name": "lesion"}]}
        Path("annotations.json").write_text(json.dumps(file), encoding="utf-8")
        alphas = calculate_iaa_from_annotations("segm", "annotations.json", "rater_list", "rater", silent=True)
        seen[name, number] = round(float(alphas[0.5]), 4)
    print(name, {number: alpha for (drawing, number), alpha in seen.items() if drawing == name})
expected = {("the same", number): 1.0 for number in (0, 1, 2, "lesion")}
expected |= {("nothing in common", number): 1.0 if number == 0 else -0.75 for number in (0, 1, 2, "lesion")}
if seen != expected:
    sys.exit("The behavior has changed: the agreement is another.")
PY
