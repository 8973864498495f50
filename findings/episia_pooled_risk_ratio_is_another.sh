#!/usr/bin/env bash
# episia pools the risk ratios of two hospitals, 2.7 each, to 14, and their risk differences to 51.
#
# Versions: episia 0.1.3, SciPy 1.15.3, NumPy 2.2.6.
# Behavior: its tables have those with and without the exposure in columns and cases in the first row. The pooled risk
#     ratio and difference are computed as if they were in rows, so risks are shares of the exposed among the cases.
#     The difference is divided by the number of tables instead of the sum of the weights, so it grows with the number
#     of patients. The odds ratio is right, as it is the same both ways.
# Expected: Mantel and Haenszel's estimates: of equal tables, what each of them says; a difference between −1 and 1.
# Seen: two hospitals, in each of which 90 of 100 patients with a wrong contour have a relapse and 300 of 900 without:
#     risk ratio 2.7 in each and 14.08 pooled; difference 0.57 in each and 51 pooled. With ten times as many patients:
#     14.08 and 510.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 scipy==1.15.3 pandas==2.3.3
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps episia==0.1.3
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

from episia.stats.contingency import Table2x2
from episia.stats.stratified import mantel_haenszel_or

print({name: version(name) for name in ("episia", "scipy", "numpy")})
seen = {}
for factor in (1, 10):
    table = Table2x2(a=90 * factor, b=300 * factor, c=10 * factor, d=600 * factor)
    pooled = mantel_haenszel_or([table, table])
    one = table.risk_exposed / table.risk_unexposed, table.risk_exposed - table.risk_unexposed, 90 * 600 / 300 / 10
    both = pooled.common_rr, pooled.common_rd, pooled.common_or
    seen[factor] = [[round(float(value), 2) for value in values] for values in (one, both)]
    print(f"{table.total} patients: risk ratio, difference and odds ratio {seen[factor][0]}, pooled {seen[factor][1]}")
if seen != {1: [[2.7, 0.57, 18.0], [14.08, 51.0, 18.0]], 10: [[2.7, 0.57, 18.0], [14.08, 510.0, 18.0]]}:
    sys.exit("The behavior has changed: the pooled values are others.")
PY
