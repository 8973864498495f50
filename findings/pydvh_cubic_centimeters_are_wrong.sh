#!/usr/bin/env bash
# pydvh converts volumes the wrong way: of the same histogram the hottest 20 cm³ have 54 or 60 Gy, or 200.
#
# Versions: pydvh 1.0.10, NumPy 2.4.6.
# Behavior: get_dose_at_volume takes a volume in other units than those of the histogram. From cm³ to percent it
#     divides by 100 where it should multiply, and between cm³ and mm³ both directions are exchanged. A volume that
#     becomes larger than the organ is answered with the volume at the first dose, as a dose. Limits such as D2cc are
#     read this way from histograms in percent.
# Expected: one dose, 54 Gy, whatever the units are.
# Seen: an organ of 200 cm³ with doses evenly from 0 to 60 Gy; the dose to its hottest tenth. Histogram in percent: 54
#     Gy at 10 %, 60 Gy at 20 cm³. In mm³: 54 Gy at 20000 mm³, 60 Gy at 20 cm³. In cm³: 54 Gy at 20 cm³, 200 Gy at
#     20000 mm³.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 pydvh==1.0.10
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from pydvh.dvhdata import DVHData, DVHType

print({name: version(name) for name in ("pydvh", "numpy")})
doses = np.arange(0, 61, 1.0)
share = (60 - doses) / 60
seen = {}
for unit, total, questions in (
    ("%", 200.0, ((10, "%"), (20, "cm3"))),
    ("mm3", 200000.0, ((20000, "mm3"), (20, "cm3"))),
    ("cm3", 200.0, ((20, "cm3"), (20000, "mm3"))),
):
    volumes = share * (100.0 if unit == "%" else total)
    dvh = DVHData.from_DDVH_fixed_bin_width("cord", DVHType.CDVH, doses, volumes, "Gy", unit, total_volume=total)
    seen[unit] = [round(float(dvh.get_dose_at_volume(*question)), 1) for question in questions]
    for (volume, name), dose in zip(questions, seen[unit]):
        print(f"histogram in {unit}: {dose} Gy at {volume} {name}")
if seen != {"%": [54.0, 60.0], "mm3": [54.0, 60.0], "cm3": [54.0, 200.0]}:
    sys.exit("The behavior has changed: the doses are others.")
PY
