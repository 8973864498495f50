#!/usr/bin/env bash
# wholeslidedata finds no annotation at all in a GeoJSON file of QuPath that is a FeatureCollection.
#
# Versions: wholeslidedata 0.0.16, Shapely 1.8.5.post1, NumPy 1.26.4.
# Behavior: the parser "qupath" expects a list of features. A FeatureCollection, which is what GeoJSON calls a file of
#     features and what QuPath offers to export, is walked through by its keys; the errors that follow are passed over,
#     one by one. The slide has no annotations and no labels, without a word.
# Expected: the annotations, or an error.
# Seen: a tumor and stroma. As a list of features: two annotations. As a FeatureCollection of the same: none.
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

from wholeslidedata.annotation.wholeslideannotation import WholeSlideAnnotation

print({name: version(name) for name in ("wholeslidedata", "shapely", "numpy")})


def square(left: int, side: int) -> list[list[int]]:
    return [[left, 0], [left + side, 0], [left + side, side], [left, side], [left, 0]]


features = [
    {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [square(left, side)]},
        "properties": {"objectType": "annotation", "classification": {"name": name, "color": [200, 0, 0]}},
    }
    for name, left, side in (("Tumor", 0, 100), ("Stroma", 200, 60))
]
seen = {}
for name, content in (("list", features), ("collection", {"type": "FeatureCollection", "features": features})):
    with open(f"{name}.geojson", "w") as file:
        json.dump(content, file)
    annotations = WholeSlideAnnotation(f"{name}.geojson", parser="qupath").annotations
    seen[name] = sorted((annotation.label.name, annotation.area) for annotation in annotations)
    print(f"{name} of features: {seen[name]}")
if seen != {"list": [("stroma", 3600.0), ("tumor", 10000.0)], "collection": []}:
    sys.exit("The behavior has changed: other annotations are read.")
PY
