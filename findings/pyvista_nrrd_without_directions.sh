#!/usr/bin/env bash
# VTK, and pyvista with it, leaves out the directions of a NRRD file: only origin and spacing are read.
#
# Versions: pyvista 0.49.1, VTK 9.7.2, SimpleITK 2.5.7, NumPy 2.3.5.
# Behavior: of "space directions" the reader keeps the length of every vector as spacing. Images in VTK have a direction
#     matrix, and the reader of MetaImage files sets one; this one does not, and there is no warning. What its
#     documentation lists as not supported are encodings.
# Expected: the place at which the program that wrote the file has the image, or a word that it is another.
# Seen: an axial image is right. One whose rows and columns run the other way, as in files made of NIfTI, is 27.2 mm
#     away, sagittal slices 30.6 mm, a head turned by 30 degrees 7.0 mm.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.3.5 vtk==9.7.2 pyvista==0.49.1 simpleitk==2.5.7
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import pyvista
import SimpleITK as sitk

print({name: version(name) for name in ("pyvista", "vtk", "SimpleITK", "numpy")})
turned = np.eye(3)
turned[:2, :2] = [[np.cos(np.pi / 6), -np.sin(np.pi / 6)], [np.sin(np.pi / 6), np.cos(np.pi / 6)]]
directions = {
    "axial": np.eye(3),
    "flipped": np.diag([-1.0, -1.0, 1.0]),
    "turned by 30 degrees": turned,
    "sagittal": np.array([[0.0, 0.0, -1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]),
}
labels = np.zeros((10, 12, 14), np.uint8)
labels[3:6, 4:8, 5:12] = 1
seen = {}
for name, direction in directions.items():
    image = sitk.GetImageFromArray(labels)
    image.SetSpacing((1.0, 2.0, 3.0))
    image.SetOrigin((10.0, 20.0, 30.0))
    image.SetDirection(direction.ravel().tolist())
    sitk.WriteImage(image, "labels.nrrd")
    right = np.array(sitk.ReadImage("labels.nrrd").TransformContinuousIndexToPhysicalPoint((8.0, 5.5, 4.0)))
    read = pyvista.read("labels.nrrd")
    place = read.points[np.asarray(read.active_scalars) > 0].mean(axis=0)
    seen[name] = round(float(np.linalg.norm(place - right)), 1)
    straight = bool(np.array_equal(read.direction_matrix, np.eye(3)))
    print(f"{name}: SimpleITK {right.round(1).tolist()}, pyvista {place.round(1).tolist()}", end=", ")
    print(f"{seen[name]} mm apart, straight axes in pyvista: {straight}")
if seen != {"axial": 0.0, "flipped": 27.2, "turned by 30 degrees": 7.0, "sagittal": 30.6}:
    sys.exit("The behavior has changed: the image is placed otherwise.")
PY
