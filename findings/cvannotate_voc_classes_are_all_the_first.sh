#!/usr/bin/env bash
# cvannotate makes every object of a Pascal VOC file one of the first class: spleens and tumors are livers.
#
# Versions: cvannotate 1.0.0.
# Behavior: the class is read from an element name_id, which VOC files do not have, and is 0 without it. The names in
#     the file and the list of classes that has to be given are not compared.
# Expected: the place of the name in the list of classes, or an error if it is not in it.
# Seen: a VOC file with a liver, a spleen and a tumor. In YOLO and in COCO all three are livers; a VOC file of classes
#     0, 1 and 2 that cvannotate writes itself comes back as 0, 0 and 0.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile cvannotate==1.0.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

print({name: version(name) for name in ("cvannotate",)})
names = ["liver", "spleen", "tumor"]
objects = "".join(
    f"<object><name>{name}</name><bndbox><xmin>{10 + 60 * k}</xmin><ymin>10</ymin><xmax>{50 + 60 * k}</xmax>"
    "<ymax>50</ymax></bndbox></object>"
    for k, name in enumerate(names)
)
size = "<size><width>200</width><height>100</height><depth>3</depth></size>"
Path("case.xml").write_text(f"<annotation><filename>case</filename>{size}{objects}</annotation>")


def convert(source: str, target: str, form: str) -> None:
    command = [str(Path(sys.executable).parent / "cvannotate"), "convert", "-i", source, "-o", target]
    command += ["--from-format", Path(source).suffix.replace(".xml", "voc").replace(".txt", "yolo"), "-f", form]
    subprocess.run([*command, "-c", ",".join(names), "-w", "200", "--height", "100"], check=True)


def classes(path: str) -> list[str]:
    return [names[int(line.split()[0])] for line in Path(path).read_text().splitlines()]


convert("case.xml", "yolo", "yolo")
convert("case.xml", "coco", "coco")
coco = json.loads(Path("coco/annotations.json").read_text())
seen = {"YOLO": classes("yolo/case.txt"), "COCO": [names[box["category_id"]] for box in coco["annotations"]]}
lines = [f"{k} {0.15 + 0.3 * k} 0.3 0.2 0.4" for k in range(3)]
Path("own.txt").write_text("\n".join(lines))
convert("own.txt", "voc", "voc")
convert("voc/own.xml", "back", "yolo")
written = [part.split("<")[0] for part in Path("voc/own.xml").read_text().split("<name>")[1:]]
seen["YOLO by way of VOC"] = classes("back/own.txt")
print("classes in the VOC files:", names, written)
print(seen)
if written != names or any(found != ["liver"] * 3 for found in seen.values()):
    sys.exit("The behavior has changed: the classes are others.")
PY
