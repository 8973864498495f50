#!/usr/bin/env bash
# The 95 % interval of icc's intraclass correlations is that of 90 %.
#
# Versions: icc 0.1.1, pingouin 0.5.5, SciPy 1.15.3, NumPy 2.2.6.
# Behavior: the quantiles of the F distribution are taken at the confidence level, not halfway between it and 1, so that
#     5 % are left out at each end. With confidence_level=0.975 the interval is that of 95 %.
# Expected: with confidence_level=0.95, its default, the interval that pingouin and the textbook have.
# Seen: 20 tumors, measured by 4 readers. All three coefficients are equal to pingouin's. ICC(2,1) is 0.597 from 0.424
#     to 0.760, with pingouin from 0.39 to 0.79; the other two are too narrow as well.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile icc==0.1.1 pingouin==0.5.5 scipy==1.15.3 numpy==2.2.6 \
    pandas==2.3.3
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import pandas as pd
from icc import icc
from pingouin import intraclass_corr

print({name: version(name) for name in ("icc", "pingouin", "scipy", "numpy")})
random = np.random.default_rng(0)
ratings = random.normal(size=(20, 1)) + random.normal(scale=0.7, size=(20, 4)) + np.array([0, 0.3, -0.2, 0.1])
table = pd.DataFrame(ratings).reset_index().melt("index", var_name="reader", value_name="size")
known = intraclass_corr(table, "index", "reader", "size").set_index("Type")
changed = False
for name, model, kind in (
    ("ICC1", "oneway", "agreement"),
    ("ICC2", "twoway", "agreement"),
    ("ICC3", "twoway", "consistency"),
):
    value, *_, low, high = icc(ratings, model, kind, "single", confidence_level=0.95)
    *_, low_975, high_975 = icc(ratings, model, kind, "single", confidence_level=0.975)
    expected = known.loc[name, "CI95%"]
    print(f"{name}: {value:.3f} from {low:.3f} to {high:.3f} with icc,", end=" ")
    print(f"{known.loc[name, 'ICC']:.3f} from {expected[0]} to {expected[1]} with pingouin,", end=" ")
    print(f"from {low_975:.3f} to {high_975:.3f} at 0.975")
    changed |= not np.allclose((low_975, high_975), expected, atol=0.006)
    changed |= low < expected[0] + 0.02 or high > expected[1] - 0.02
if changed:
    sys.exit("The behavior has changed: the intervals are others.")
PY
