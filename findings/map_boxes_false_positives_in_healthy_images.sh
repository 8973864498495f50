#!/usr/bin/env bash
# map-boxes gives an average precision of 1 to a detector that finds lesions in every healthy image.
#
# Versions: map-boxes 1.0.6, NumPy 2.2.6, pandas 2.3.3.
# Behavior: only images that have a row among the annotations are evaluated, and healthy images have none.
#     exclude_not_in_annotations changes what is printed: images without annotations are left out with True and False.
# Expected: with False, the default, detections in images without annotations are false positives. "Exclude image IDs
#     which are not exist in annotations. Default: False".
# Seen: 5 images with a lesion, found with scores of 0.6, and 50 healthy ones with a false lesion of 0.9 in each:
#     average precision 1.0, with False and True. If the false lesions are in the 5 images, ten in each, it is 0.09, as
#     it is if every healthy image has a row of NaN among the annotations, which the description does not mention.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 pandas==2.3.3
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps map-boxes==1.0.6
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from map_boxes import mean_average_precision_for_boxes

print({name: version(name) for name in ("map-boxes", "numpy", "pandas")})
lesions = [[f"sick{image}", "lesion", 0.1, 0.2, 0.1, 0.2] for image in range(5)]
found = [[image, label, 0.6, *box] for image, label, *box in lesions]
seen = {}
for place in ("healthy", "sick"):
    false = [[f"{place}{number % 5 if place == 'sick' else number}", "lesion", 0.9, 0.5, 0.7, 0.5, 0.7]
             for number in range(50)]
    for exclude in (False, True):
        precision, _ = mean_average_precision_for_boxes(
            np.array(lesions, object), np.array(found + false, object), exclude_not_in_annotations=exclude,
            verbose=False)
        seen[place, exclude] = round(float(precision), 2)
        print(f"false lesions in {place} images, exclude_not_in_annotations={exclude}: {seen[place, exclude]}")
healthy = [[f"healthy{image}", *[float("nan")] * 5] for image in range(50)]
false = [[f"healthy{image}", "lesion", 0.9, 0.5, 0.7, 0.5, 0.7] for image in range(50)]
precision, _ = mean_average_precision_for_boxes(
    np.array(lesions + healthy, object), np.array(found + false, object), verbose=False)
print(f"healthy images with a row of NaN: {precision:.2f}")
if list(seen.values()) != [1.0, 1.0, 0.09, 0.09] or round(float(precision), 2) != 0.09:
    sys.exit("The behavior has changed: the average precisions are others.")
PY
