#!/usr/bin/env bash
# The median of an organ in SimpleITK changes if there is metal elsewhere in the image: 46.9 HU instead of 59.
#
# Versions: SimpleITK 2.5.7, NumPy 2.2.6.
# Behavior: GetMedian of LabelStatisticsImageFilter and of LabelIntensityStatisticsImageFilter is no median, but the
#     middle of a bin of a histogram, whose few bins (128 in the second filter, which can be set) share the range from
#     the lowest to the highest value of the whole image. One bright voxel outside of the label makes them wider. In a
#     CT from -1000 to 3000 a bin is 31 HU wide. Mean and standard deviation are exact.
# Expected: the median of the values under the label, or at least one that does not depend on values elsewhere.
# Seen: an organ in a CT with median 59 HU. Highest value of the image about 110: 58.2 and 60.4; one voxel of 1000
#     outside of the organ: 58.6 and 54.7; of 3000: 54.7 and 46.9.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 simpleitk==2.5.7
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk

print({name: version(name) for name in ("SimpleITK", "numpy")})
mask = np.zeros((20, 60, 60), np.uint8)
mask[5:15, 10:40, 10:40] = 1
ct = np.full(mask.shape, -1000, np.int16)
ct[3:17, 5:55, 5:55] = 40
ct[mask > 0] = np.random.default_rng(0).normal(60, 15, int(mask.sum()))
label = sitk.GetImageFromArray(mask)
seen = {}
for metal in (40, 1000, 3000):
    ct[16, 50, 50] = metal
    image = sitk.GetImageFromArray(ct)
    statistics, intensities = sitk.LabelStatisticsImageFilter(), sitk.LabelIntensityStatisticsImageFilter()
    statistics.Execute(image, label)
    intensities.Execute(label, image)
    medians = float(np.median(ct[mask > 0])), statistics.GetMedian(1), intensities.GetMedian(1)
    seen[metal] = [round(median, 1) for median in medians]
    print(f"a voxel of {metal} elsewhere: medians by NumPy and the two filters {seen[metal]}, "
          f"means {ct[mask > 0].mean():.2f}, {statistics.GetMean(1):.2f} and {intensities.GetMean(1):.2f}")
if seen != {40: [59.0, 58.2, 60.4], 1000: [59.0, 58.6, 54.7], 3000: [59.0, 54.7, 46.9]}:
    sys.exit("The behavior has changed: the medians are others.")
PY
