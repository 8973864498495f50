#!/usr/bin/env bash
# mgz2imgslices writes cortical labels above 255 as others: the left precentral gyrus, 1024, is background.
#
# Versions: mgz2imgslices 2.1.3, nibabel 5.4.2, pandas 2.3.3, matplotlib 3.10.8, imageio 2.37.2.
# Behavior: each slice is turned into bytes "to prevent lossy conversion" before its colors are looked up. Labels of
#     FreeSurfer's aparc+aseg are up to 2035; what is left after 256 has been subtracted often enough is looked up.
# Expected: the color of each label as in the table, also in the images of that label alone.
# Seen: label 17 has its gray, 49. Label 1001, gray 60, has 41, that of label 233, and 1024, gray 120, has 0: all 256
#     images in the folder of the precentral gyrus are black.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 pandas==2.3.3 nibabel==5.4.2 \
    matplotlib==3.10.8 imageio==2.37.2 scikit-image==0.25.2 scipy==1.15.3 pudb==2026.1 colorama==0.4.6
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps pfmisc==2.2.14 mgz2imgslices==2.1.3
cd "$work"
MPLBACKEND=Agg "$work/venv/bin/python" -W ignore - <<'PY'
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import imageio.v3 as iio
import nibabel as nib
import numpy as np

print({name: version(name) for name in ("mgz2imgslices", "nibabel", "pandas", "matplotlib", "imageio")})
cortex = {1001: ("ctx-lh-bankssts", 60), 1024: ("ctx-lh-precentral", 120)}
grays = {0: ("Unknown", 0)} | {i: (f"Region-{i}", i * 37 % 200 + 20) for i in range(1, 800)} | cortex
Path("lut.txt").write_text("".join(f"{i}   {name}   {g} {g} {g} 0\n" for i, (name, g) in grays.items()))
volume = np.zeros((256, 256, 256), np.int32)
for label, row in ((17, 90), (1001, 70), (1024, 50)):
    volume[row : row + 10, 100:110, 100:110] = label
nib.save(nib.MGHImage(volume, np.eye(4)), "aparc+aseg.mgz")
Path("out").mkdir()
command = [str(Path(sys.executable).parent / "mgz2imgslices"), "-I", ".", "-i", "aparc+aseg.mgz", "-d", "out"]
command += ["-o", "slice", "-t", "png", "--label", "label", "-f", "17,1001,1024", "--lookupTable", "lut.txt"]
subprocess.run([*command, "--saveImages"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
seen = {}
for label in (17, 1001, 1024):
    name, gray = grays[label]
    files = sorted(Path("out", f"label-{name}").glob("*.png"))
    array = np.load(next(Path("out", f"label-{name}").glob("*.npy")))
    seen[label] = max(int(iio.imread(file)[..., :3].max()) for file in files[95:115])
    print(f"{name}: labels in the array {np.unique(array).tolist()}, gray in the table {gray}, images {seen[label]}")
if seen != {17: 49, 1001: 41, 1024: 0} or grays[233][1] != 41:
    sys.exit("The behavior has changed: the grays are others.")
PY
