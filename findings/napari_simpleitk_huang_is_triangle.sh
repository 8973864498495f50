#!/usr/bin/env bash
# napari-simpleitk-image-processing calls the triangle threshold Huang's, and Otsu's the triangle threshold.
#
# Versions: napari-simpleitk-image-processing 0.4.9, SimpleITK 2.5.7, napari 0.6.6, NumPy 2.2.6.
# Behavior: threshold_huang calls SimpleITK's TriangleThreshold and threshold_triangle its OtsuThreshold. Huang's
#     threshold cannot be had. The other ten are what they are called.
# Expected: Huang's threshold from threshold_huang, the triangle threshold from threshold_triangle.
# Seen: cells in noise of 64 x 64 pixels: threshold_huang finds the 668 pixels of the triangle threshold where Huang's
#     are 548, threshold_triangle Otsu's 511.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 SimpleITK==2.5.7 napari==0.6.6 pandas==2.3.3 \
    scikit-image==0.25.2 toolz==1.2.0 Deprecated==1.3.1 ipywidgets==8.1.9 napari-plugin-engine==0.2.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps napari-tools-menu==0.1.20 napari-workflows==0.2.11 \
    napari-time-slicer==0.5.0 napari-skimage-regionprops==0.10.1 stackview==0.19.1 \
    napari-simpleitk-image-processing==0.4.9
cd "$work"
MPLCONFIGDIR="$work" IPYTHONDIR="$work" XDG_CONFIG_HOME="$work" XDG_CACHE_HOME="$work" \
    "$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import napari_simpleitk_image_processing as plugin
import numpy as np
import SimpleITK as sitk

print({name: version(name) for name in ("napari-simpleitk-image-processing", "SimpleITK", "napari", "numpy")})
image = np.random.default_rng(0).gamma(2, 20, (64, 64)).astype(np.float32)
image[20:40, 20:40] += 150
expected = {
    name: sitk.GetArrayFromImage(threshold(sitk.GetImageFromArray(image), 0, 1))
    for name, threshold in {
        "huang": sitk.HuangThreshold, "triangle": sitk.TriangleThreshold, "otsu": sitk.OtsuThreshold,
        "li": sitk.LiThreshold, "yen": sitk.YenThreshold,
    }.items()
}
same = {}
for name in expected:
    found = np.asarray(getattr(plugin, f"threshold_{name}")(image))
    same[name] = [other for other in expected if np.array_equal(found, expected[other])]
    print(f"threshold_{name}: {int(found.sum())} pixels, as {same[name]}; {name} has {int(expected[name].sum())}")
if same != {"huang": ["triangle"], "triangle": ["otsu"], "otsu": ["otsu"], "li": ["li"], "yen": ["yen"]}:
    sys.exit("The behavior has changed: the thresholds are others.")
PY
