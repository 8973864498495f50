#!/usr/bin/env bash
# medreaders leaves the second patient of a data set out.
#
# Versions: medreaders 1.0.8, nibabel 5.3.2, NumPy 1.26.4, scikit-image 0.24.0.
# Behavior: ACDC.load deletes the second entry of the sorted list of what is named patient*, in order to drop a file
#     patient001.Info.cfg between the folders of the first two patients. In a folder without that file, as patients are
#     usually laid out, with Info.cfg in the folder of each of them, the second patient is dropped, without a word.
# Expected: all patients.
# Seen: of patients 1, 2, 3 and 4 the images of 1, 3 and 4 are loaded; with a file patient001.Info.cfg all of them.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==1.26.4 nibabel==5.3.2 scikit-image==0.24.0 \
    imageio==2.37.0 matplotlib==3.9.4
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps medreaders==1.0.8
cd "$work"
MPLCONFIGDIR="$work" "$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version
from pathlib import Path

import nibabel as nib
import numpy as np
from medreaders import ACDC

print({name: version(name) for name in ("medreaders", "nibabel", "numpy", "scikit-image")})
for patient in (1, 2, 3, 4):
    folder = Path("training", f"patient{patient:03}")
    folder.mkdir(parents=True)
    (folder / "Info.cfg").write_text("ED: 1\nES: 12\nGroup: NOR\n")
    mask = np.repeat(np.arange(4, dtype=np.uint8), 8).reshape(4, 4, 2)
    for name, array in (("", np.full((4, 4, 2), patient, np.int16)), ("_gt", mask)):
        nib.save(nib.Nifti1Image(array, np.eye(4)), folder / f"{folder.name}_frame01{name}.nii.gz")
seen = {}
for name in ("folders of patients", "and a file patient001.Info.cfg"):
    if name.startswith("and"):
        Path("training", "patient001.Info.cfg").touch()
    ACDC.load("training", "all", "ED")
    seen[name] = [int(image.max()) for image in ACDC.get_images()]
    print(f"{name}: images of patients {seen[name]} are loaded")
if list(seen.values()) != [[1, 3, 4], [1, 2, 3, 4]]:
    sys.exit("The behavior has changed: other patients are loaded.")
PY
