#!/usr/bin/env bash
# dataset-format-converter numbers the classes of Pascal VOC anew in each run, at random: livers are tumors in the next.
#
# Versions: dataset-format-converter 1.0.1.2, NumPy 2.2.6.
# Behavior: the names of classes are collected in a set, whose order follows from Python's hashes of strings, which are
#     others in each process. The numbers in the YOLO files follow this order; classes.txt is written beside them.
# Expected: the same numbers for the same classes each time, as training and validation files are converted one after the
#     other, and new ones later.
# Seen: three files with a liver, a spleen and a tumor, converted in six processes: the liver is 0, 1 and 2. With two of
#     them, train and val, a model that has learned the liver as 2 is told that 2 is the spleen.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 pillow==11.3.0
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps dataset-format-converter==1.0.1.2
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

print({name: version(name) for name in ("dataset-format-converter", "numpy")})
box = "<bndbox><xmin>10</xmin><ymin>10</ymin><xmax>50</xmax><ymax>50</ymax></bndbox>"
size = "<size><width>100</width><height>100</height></size>"
Path("voc").mkdir()
for name in ("liver", "spleen", "tumor"):
    text = f"<annotation>{size}<object><name>{name}</name>{box}</object></annotation>"
    Path("voc", f"{name}.xml").write_text(text)
code = """
import sys
from dataset_format_converter import FormatManager
FormatManager().convert_directory("voc", sys.argv[1], "PASCAL-VOC", "YOLO-HBB", 100, 100)
"""
seen = set()
for seed in range(6):  # fixed here, so that this script prints the same each time; Python draws it by itself
    out = Path(f"yolo{seed}")
    out.mkdir()
    environment = os.environ | {"PYTHONHASHSEED": str(seed)}
    subprocess.run([sys.executable, "-c", code, str(out)], check=True, env=environment)
    numbers = {name: int(Path(out, f"{name}.txt").read_text().split()[0]) for name in ("liver", "spleen", "tumor")}
    seen.add(numbers["liver"])
    print(f"process {seed}: {numbers}")
if len(seen) < 2:
    sys.exit("The behavior has changed: the classes have the same numbers each time.")
PY
