#!/usr/bin/env bash
# boxdiff subtracts boxes in one direction and lists of boxes in the other: what was added counts as removed.
#
# Versions: boxdiff 0.2.0, pydantic 2.12.4.
# Behavior: in a - b the numbers of a box go from b to a (old label of b, new label of a, place of a minus place of b),
#     but the boxes only a has are called removed, and those only b has added. The same holds for images of a set.
# Expected: one direction for both: of the corrected annotations minus the old ones, what is new was added.
# Seen: an expert relabels a box from cyst to tumor, moves it by 5 pixels, adds a second box and deletes a third.
#     Corrected minus old: cyst to tumor and +5, but box 2, which is new, is removed, and box 3, which is gone, added.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile pydantic==2.12.4 dataclasses-json==0.5.14 boxdiff==0.2.0
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

from boxdiff import BoundingBox, Image

print({name: version(name) for name in ("boxdiff", "pydantic")})
old = [BoundingBox(1, "cyst", 10.0, 10.0, 20.0, 20.0), BoundingBox(3, "cyst", 70.0, 70.0, 5.0, 5.0)]
corrected = [BoundingBox(1, "tumor", 15.0, 10.0, 20.0, 20.0), BoundingBox(2, "tumor", 50.0, 50.0, 10.0, 10.0)]
delta = Image(1, corrected) - Image(1, old)
added, removed = [box.id for box in delta.boxes_added], [box.id for box in delta.boxes_removed]
box = delta.box_deltas[0]
change = (box.label_old, box.label_new, box.x_delta)
print("corrected minus old: box 1", change, "added", added, "removed", removed)
print("only in the corrected one: [2], only in the old one: [3]")
if change != ("cyst", "tumor", 5.0) or added != [3] or removed != [2]:
    sys.exit("The behavior has changed: the differences are others.")
PY
