#!/usr/bin/env bash
# SimpleITK writes a DICOM file, and from then on MONAI cannot read a configuration with a Greek letter in it.
#
# Versions: SimpleITK 2.5.7, MONAI 1.6.1, NumPy 2.4.6, Python 3.11.
# Behavior: writing a slice with its own ImagePositionPatient leaves the whole process in the locale "C"; a slice without
#     that tag does not. MONAI's ConfigParser opens YAML without an encoding, which Python takes from the locale.
# Expected: writing an image changes nothing in the process; the same file is read before and after.
# Seen: the locale is C.UTF-8 before and C after; the file that was read before raises UnicodeDecodeError.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile torch==2.13.0 numpy==2.4.6 simpleitk==2.5.7 monai==1.6.1 pyyaml==6.0.3
cd "$work"
LC_ALL=C.UTF-8 "$work/venv/bin/python" - <<'PY'
import locale
from importlib.metadata import version
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from monai.bundle import ConfigParser

print({name: version(name) for name in ("simpleitk", "monai", "numpy")})
Path("train.yaml").write_text("# ν, the degrees of freedom\nnu: 1.0\n", encoding="utf-8")


def write(position):
    image = sitk.GetImageFromArray(np.zeros((4, 5), np.int16))
    if position:
        image.SetMetaData("0020|0032", "0\\0\\1.5")
    writer = sitk.ImageFileWriter()
    writer.SetFileName("slice.dcm")
    writer.Execute(image)
    return locale.setlocale(locale.LC_CTYPE)


locale.setlocale(locale.LC_ALL, "")
assert ConfigParser.load_config_file("train.yaml") == {"nu": 1.0}
without, own = write(False), write(True)
print("locale after a slice without a position:", without)
print("locale after a slice with one:", own)
try:
    ConfigParser.load_config_file("train.yaml")
    raise SystemExit("MONAI reads the file: this has changed")
except UnicodeDecodeError as error:
    print("MONAI:", error)
assert without == "C.UTF-8" and own == "C", (without, own)
PY
