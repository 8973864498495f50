#!/usr/bin/env bash
# wholeslidedata fills the holes of annotations that were made in QuPath.
#
# Versions: wholeslidedata 0.0.16, Shapely 1.8.5.post1, NumPy 1.26.4.
# Behavior: of the rings of a polygon, and of each part of a multipolygon, the parser "qupath" reads the first one, the
#     outline. Holes (lumina, vessels, what was cut out of a tumor) are part of the annotation, of its area and of the
#     place in which points count as inside. The polygons of the package can have holes.
# Expected: a polygon with its holes.
# Seen: a tumor of 100 x 100 pixels, less a hole of 50 x 50: area 10000 instead of 7500, no holes; as a polygon and as a
#     part of a multipolygon.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==1.26.4 scipy==1.11.4 scikit-image==0.22.0 shapely==1.8.5.post1
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    matplotlib==3.10.9 jsonschema==4.26.0 pyyaml==6.0.3 opencv-python-headless==4.11.0.86
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps \
    creationism==0.0.5 rtree==1.3.0 wholeslidedata==0.0.16
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import json
import sys
from importlib.metadata import version

from shapely.geometry import shape
from wholeslidedata.annotation.wholeslideannotation import WholeSlideAnnotation

print({name: version(name) for name in ("wholeslidedata", "shapely", "numpy")})


def square(first: int, side: int) -> list[list[int]]:
    last = first + side
    return [[first, first], [last, first], [last, last], [first, last], [first, first]]


rings = [square(0, 100), square(20, 50)]
seen = {}
for kind, coordinates in (("Polygon", rings), ("MultiPolygon", [rings])):
    geometry = {"type": kind, "coordinates": coordinates}
    properties = {"objectType": "annotation", "classification": {"name": "Tumor", "color": [200, 0, 0]}}
    with open(f"{kind}.geojson", "w") as file:
        json.dump([{"type": "Feature", "geometry": geometry, "properties": properties}], file)
    (tumor,) = WholeSlideAnnotation(f"{kind}.geojson", parser="qupath").annotations
    seen[kind] = shape(geometry).area, tumor.area, len(tumor.holes)
    print(f"{kind} of {seen[kind][0]}: area {seen[kind][1]}, {seen[kind][2]} holes")
if seen != {kind: (7500.0, 10000.0, 0) for kind in ("Polygon", "MultiPolygon")}:
    sys.exit("The behavior has changed: the area is another one.")
PY
