#!/usr/bin/env bash
# body_composition_analysis averages muscle at L3 with all of the slice that is no muscle: of 50 HU 4 are left.
#
# Versions: body_composition_analysis 0.2.1, SimpleITK 2.5.7, NumPy 2.2.6.
# Behavior: get_intensity_at_center_L3 sets everything outside of the tissue to 0 and takes mean and standard deviation
#     of the whole slice. The mean is that of the tissue times its share of the slice, so it depends on the field of
#     view. The package calls it for muscle and for both kinds of fat, whose mean of −100 HU comes near 0 as well.
#     get_intensity, for the liver and the pancreas, looks at the voxels of the mask only. (The module that measures is
#     loaded alone here, as the rest of the package needs TotalSegmentator.)
# Expected: mean and standard deviation of the voxels of the tissue in that slice.
# Seen: muscle of 50 HU in 8 % of the slice: mean 4.0, standard deviation 13.6. In a field of view half as wide, 32 % of
#     the slice: 16.0 and 23.3. get_intensity of the same masks: 50.0 and 0.0.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 simpleitk==2.5.7
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps body-composition-analysis==0.2.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import distribution, version
from importlib.util import module_from_spec, spec_from_file_location

import numpy as np

path = distribution("body-composition-analysis").locate_file("body_composition/utils/vol_and_int_extraction.py")
spec = spec_from_file_location("measures", path)
measures = module_from_spec(spec)
spec.loader.exec_module(measures)
print({name: version(name) for name in ("body-composition-analysis", "simpleitk", "numpy")})
seen = {}
for size in (100, 50):
    muscle = np.zeros((5, size, size), np.uint8)
    muscle[:, size // 2 - 10 : size // 2 + 10, size // 2 - 20 : size // 2 + 20] = 1
    ct = np.where(muscle > 0, 50, -1000).astype(np.int16)
    slices = [round(float(one), 1) for one in measures.get_intensity_at_center_L3(ct, muscle, 2)]
    whole = [round(float(one), 1) for one in measures.get_intensity(ct, muscle)]
    seen[size] = slices, whole
    print(f"{size} × {size} pixels, {muscle[2].mean():.0%} muscle: {slices} HU at L3, {whole} HU in the mask")
if seen != {100: ([4.0, 13.6], [50.0, 0.0]), 50: ([16.0, 23.3], [50.0, 0.0])}:
    sys.exit("The behavior has changed: the intensities are others.")
PY
