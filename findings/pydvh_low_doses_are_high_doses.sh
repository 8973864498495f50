#!/usr/bin/env bash
# pydvh counts doses below the lower limit of a histogram as high ones: of an organ with 1 and 30 Gy half has 40 Gy.
#
# Versions: pydvh 1.0.10, NumPy 2.4.6.
# Behavior: DVHData.from_dose_matrix adds the volume of every voxel below lower_dose_limit to the limit itself, in Gy,
#     instead of to the underflow, and then counts the voxel at a negative place, which is one from the end of the
#     histogram. All doses that follow are too low by the limit that has grown. Nothing is said, and the volume is
#     right.
# Expected: voxels below the limit are left out, or counted below all bins; nothing above the maximum dose of 30 Gy.
# Seen: an organ of 20 cm³, one half with 1 Gy, the other with 30 Gy, and a histogram from 5 to 60 Gy: 10 cm³ have 40
#     Gy or more, 7 cm³ 50 Gy or more; the lower limit is 15 Gy afterward. From 0 Gy: 10 cm³ have 29 Gy, 0 cm³ 40 Gy.
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
doses = np.repeat([1.0, 30.0], 1000)
seen = {}
for lower in (0, 5):
    dvh = DVHData.from_dose_matrix(
        "lung", DVHType.CDVH, doses, "Gy", 0.01, "cm3", upper_dose_limit=60.0, lower_dose_limit=lower, bin_width=1.0
    )
    seen[lower] = [round(float(dvh.get_volume_at_dose(dose)), 1) for dose in (20, 29, 40, 50)]
    print(f"from {lower} Gy: {dvh.total_volume:.1f} cm³, at least 20, 29, 40, 50 Gy: {seen[lower]} cm³; "
          f"lower limit afterward {dvh.lower_dose:.1f} Gy")
if seen != {0: [10.0, 10.0, 0.0, 0.0], 5: [20.0, 10.0, 10.0, 7.0]}:
    sys.exit("The behavior has changed: the volumes are others.")
PY
