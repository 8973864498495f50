#!/usr/bin/env bash
# labelme-to-yolo puts images into the training set and the test set if it is run again, with every object twice.
#
# Versions: labelme-to-yolo 0.2.1, NumPy 2.2.6, pydantic 2.12.4, click 8.3.0, PyYAML 6.0.2.
# Behavior: images are shuffled without a seed and divided into 70, 20 and 10 %. A second run into the same folder,
#     because an annotation was corrected for one, leaves what is there: images and labels of the first division stay,
#     lines are appended to the label files and lists.
# Expected: the folder has what the last run wrote, or the run says that the folder is not empty.
# Seen: 20 images with one polygon each. After the first run no image is in two sets, and there are 20 polygons. After
#     the second run 10 images, after the third one 15, are in the training set and in that for validation or tests (a
#     few more or less in other runs), and there are 40 and 60 polygons. All runs end with 0 and print nothing.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 pydantic==2.12.4 click==8.3.0 PyYAML==6.0.2
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps labelme-to-yolo==0.2.1
cd "$work"
PATH="$work/venv/bin:$PATH" "$work/venv/bin/python" -W ignore - <<'PY'
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

print({name: version(name) for name in ("labelme-to-yolo", "numpy", "pydantic", "click", "PyYAML")})
source = Path("labelme")
source.mkdir()
for number in range(20):
    shape = {"label": "lesion", "points": [[10, 10], [30, 10], [30, 30], [10, 30]], "shape_type": "polygon"}
    page = {"shapes": [shape], "imageHeight": 64, "imageWidth": 64, "imagePath": f"{number:02d}.png"}
    (source / f"{number:02d}.json").write_text(json.dumps(page))
    (source / f"{number:02d}.png").write_bytes(b"")
seen = []
for run in (1, 2, 3):
    command = [sys.executable, "-m", "labelme_to_yolo", "--source-path", "labelme", "--output-path", "yolo"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    folders = {part: Path("yolo") / "images" / part for part in ("train", "val", "test")}
    sets = {part: {path.name for path in folder.iterdir()} for part, folder in folders.items()}
    both = sets["train"] & (sets["val"] | sets["test"])
    lines = sum(len(path.read_text().splitlines()) for path in (Path("yolo") / "labels").rglob("*.txt"))
    seen.append((len(both), lines, done.stdout + done.stderr))
    print(f"run {run}: {len(both)} images in the training set and another one, {lines} polygons")
if seen[0] != (0, 20, "") or seen[1][0] < 2 or seen[2][0] < 5 or [lines for _, lines, _ in seen] != [20, 40, 60]:
    sys.exit("The behavior has changed: the sets are others.")
PY
