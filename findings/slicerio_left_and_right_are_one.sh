#!/usr/bin/env bash
# slicerio takes the left and the right one of an organ for the same segment and merges them.
#
# Versions: slicerio 1.4.0, pynrrd 1.1.3, NumPy 2.4.6.
# Behavior: segments of a .seg.nrrd file can be chosen by their terminology. Where the side is the modifier of the
#     anatomic region, as in the example of the package's own documentation, the comparison looks at the first two
#     letters of the coding scheme only ("S" and "C" of SCT) instead of scheme and code. Every side, and every other
#     modifier, is equal to every other one. (Where the side is the modifier of the type it is compared.)
# Expected: who asks for the right one gets the right one.
# Seen: two masses, 8 voxels in the right and 27 in the left adrenal gland: the right one has 35 voxels and the name of
#     the right one; both extracted with labels 1 and 2: 35 voxels of 2 and none of 1.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 pynrrd==1.1.3 slicerio==1.4.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import slicerio

print({name: version(name) for name in ("slicerio", "pynrrd", "numpy")})
SIDES = {"right": ["SCT", "24028007", "Right"], "left": ["SCT", "7771000", "Left"]}


def terminology(side: str) -> dict:
    return {
        "contextName": "Segmentation category and type - 3D Slicer General Anatomy list",
        "category": ["SCT", "49755003", "Morphologically Altered Structure"],
        "type": ["SCT", "4147007", "Mass"],
        "anatomicContextName": "Anatomic codes - DICOM master list",
        "anatomicRegion": ["SCT", "23451007", "Adrenal gland"],
        "anatomicRegionModifier": SIDES[side],
    }


segmentation = slicerio.create_segmentation((20, 20, 20), np.eye(4))
for side, size in (("right", 2), ("left", 3)):
    mask = np.zeros((20, 20, 20), bool)
    start = 2 if side == "right" else 14
    mask[start : start + size, 4 : 4 + size, 4 : 4 + size] = True
    slicerio.add_segment(segmentation, mask, {"name": f"{side} mass", "terminology": terminology(side)})
slicerio.write_segmentation("masses.seg.nrrd", segmentation)
read = slicerio.read_segmentation("masses.seg.nrrd")
print("in the file:", {s["name"]: int((read["voxels"] == s["labelValue"]).sum()) for s in read["segments"]})
seen = []
for wanted in ((("right", 1),), (("right", 1), ("left", 2))):
    out = slicerio.extract_segments(read, [(terminology(side), label) for side, label in wanted])
    seen.append({label: int((out["voxels"] == label).sum()) for _, label in wanted})
    print(f"extracted {wanted}: {[s['name'] for s in out['segments']]}, voxels {seen[-1]}")
if seen != [{1: 35}, {1: 0, 2: 35}]:
    sys.exit("The behavior has changed: the sides are told apart.")
PY
