#!/usr/bin/env bash
# ratiopath leaves rectangles out of ASAP's annotations: a tumor that was drawn as one is not there.
#
# Versions: ratiopath 1.0.3, shapely 2.1.2, geopandas 1.1.1.
# Behavior: get_polygons reads annotations of type Polygon and Spline, get_points those of type Dot and Point. Rectangle
#     and PointSet, which ASAP writes for two more of its tools, are skipped without a message.
# Expected: a rectangle is a polygon of four corners, which its coordinates in the file are, and a set of points is points.
# Seen: a polygon, a spline and a rectangle of 100 × 100 pixels, a dot and a set of three points: two polygons with 20000
#     of 30000 pixels, and one point of four.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 pandas==2.3.3 shapely==2.1.2 \
    geopandas==1.1.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps ratiopath==1.0.3 --ignore-requires-python
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version
from pathlib import Path

from ratiopath.parsers import ASAPParser

print({name: version(name) for name in ("ratiopath", "shapely", "geopandas")})


def annotation(kind, points):
    places = "".join(f'<Coordinate Order="{i}" X="{x}" Y="{y}"/>' for i, (x, y) in enumerate(points))
    names = f'Name="{kind}" Type="{kind}" PartOfGroup="tumor" Color="#F4FA58"'
    return f"<Annotation {names}><Coordinates>{places}</Coordinates></Annotation>"


def square(left):
    return [(left, 0), (left + 100, 0), (left + 100, 100), (left, 100)]


given = {"Polygon": square(0), "Spline": square(200), "Rectangle": square(400)}
given |= {"Dot": [(50, 300)], "PointSet": [(150, 300), (160, 300), (170, 300)]}
entries = "".join(annotation(kind, points) for kind, points in given.items())
Path("slide.xml").write_text(f"<ASAP_Annotations><Annotations>{entries}</Annotations></ASAP_Annotations>")
parser = ASAPParser("slide.xml")
polygons, points = list(parser.get_polygons()), list(parser.get_points())
area = sum(polygon.area for polygon in polygons)
print("given", {kind: len(places) for kind, places in given.items()}, "points each")
print(f"read {len(polygons)} polygons of {area:.0f} pixels and {len(points)} point(s)")
if len(polygons) != 2 or area != 20000 or len(points) != 1:
    sys.exit("The behavior has changed: other annotations are read.")
PY
