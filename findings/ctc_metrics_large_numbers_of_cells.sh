#!/usr/bin/env bash
# py-ctcmetrics scores a perfect result 0 if cells have large numbers: from 32768 on, and in masks of bytes from 128.
#
# Versions: py-ctcmetrics 1.3.3, tifffile 2026.3.3, scikit-learn 1.9.1, SciPy 1.17.1, NumPy 2.3.5.
# Behavior: to tell the two masks apart, the largest number of the reference plus 1 is added to the result, in the type
#     in which the file was read. 16 bits hold numbers up to 65535; what is more starts again at 0. The classes of both
#     masks are then sorted and taken to be those of the reference first, those of the result after them.
# Expected: a score that does not depend on the numbers, which may be any of 16 bits but 0, in any order.
# Seen: 25 cells, numbers 1 to 25: SEG, DET and TRA are 1. From 32760 or 40000 on: all are 0, without a word. 150 cells
#     in bytes: 0.69, 0.66 and 0.66.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.3.5 scipy==1.17.1 scikit-learn==1.9.1 tifffile==2026.3.3 py-ctcmetrics==1.3.3
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import contextlib
import io
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import tifffile
from ctc_metrics import evaluate_sequence

print({name: version(name) for name in ("py-ctcmetrics", "tifffile", "scikit-learn", "scipy", "numpy")})
cases = [("uint16", 1, 25), ("uint16", 32760, 25), ("uint16", 40000, 25), ("int32", 40000, 25)]
cases += [("uint16", 1, 150), ("uint8", 1, 150)]
seen = {}
for kind, first, many in cases:
    sequence = Path(f"{kind}_{first}_{many}")
    truth, result = sequence / "01_GT", sequence / "01_RES"
    for folder in (truth / "SEG", truth / "TRA", result):
        folder.mkdir(parents=True)
    cells = np.zeros((200, 200), kind)
    for place in range(many):
        y, x = 12 * (place // 16) + 4, 12 * (place % 16) + 4
        cells[y : y + 8, x : x + 8] = first + place
    for time in range(2):
        for path in (truth / f"SEG/man_seg{time:03}", truth / f"TRA/man_track{time:03}", result / f"mask{time:03}"):
            tifffile.imwrite(path.with_suffix(".tif"), cells)
    tracks = "\n".join(f"{number} 0 1 0" for number in range(first, first + many))
    for path in (truth / "TRA/man_track.txt", result / "res_track.txt"):
        path.write_text(tracks, encoding="utf-8")
    with contextlib.redirect_stdout(io.StringIO()):
        scores = evaluate_sequence(str(result), str(truth), metrics=["SEG", "DET", "TRA"], threads=1)
    seen[kind, first, many] = tuple(round(float(scores[name]), 2) for name in ("SEG", "DET", "TRA"))
    print(f"{kind}, {many} cells from {first} on, result like truth: SEG, DET, TRA {seen[kind, first, many]}")
expected = {case: (1.0, 1.0, 1.0) for case in cases}
expected["uint16", 32760, 25] = expected["uint16", 40000, 25] = 0.0, 0.0, 0.0
expected["uint8", 1, 150] = 0.69, 0.66, 0.66
if seen != expected:
    sys.exit("The behavior has changed: the scores are others.")
PY
