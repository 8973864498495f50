#!/usr/bin/env bash
# VTK, and pyvista with it, turns the image of a MetaImage file the other way: by -30 degrees instead of 30.
#
# Versions: pyvista 0.49.1, VTK 9.7.2, SimpleITK 2.5.7, NumPy 2.3.5.
# Behavior: the line TransformMatrix of the file holds the directions of the axes one after the other, so they are the
#     columns of the direction matrix. VTK takes them for its rows. The transpose of a rotation is its inverse. VTK
#     writes such files in the same way, and reads its own ones right.
# Expected: the place at which the program that wrote the file, and every other one that builds on ITK, has the image.
# Seen: of axial images, and of those of which axes are flipped, the place is right. In a head turned by 30 degrees an
#     object is 13.6 mm away, in sagittal slices 30.6 mm. A file written by VTK is turned the wrong way in SimpleITK.
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
from vtkmodules.vtkIOImage import vtkMetaImageWriter

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
middle = (8.0, 5.5, 4.0)
seen = {}
for name, direction in directions.items():
    image = sitk.GetImageFromArray(labels)
    image.SetSpacing((1.0, 2.0, 3.0))
    image.SetOrigin((10.0, 20.0, 30.0))
    image.SetDirection(direction.ravel().tolist())
    sitk.WriteImage(image, "image.mha")
    right = np.array(sitk.ReadImage("image.mha").TransformContinuousIndexToPhysicalPoint(middle))
    read = pyvista.read("image.mha")
    place = read.points[np.asarray(read.active_scalars) > 0].mean(axis=0)
    seen[name] = round(float(np.linalg.norm(place - right)), 1)
    print(f"{name}: SimpleITK {right.round(1).tolist()}, pyvista {place.round(1).tolist()}, {seen[name]} mm apart")
volume = pyvista.ImageData(dimensions=(14, 12, 10), direction_matrix=turned)
volume["labels"] = labels.ravel()
volume.set_active_scalars("labels")
writer = vtkMetaImageWriter()
writer.SetInputData(volume)
writer.SetFileName("vtk.mha")
writer.SetCompression(False)
writer.Write()
written = np.array(sitk.ReadImage("vtk.mha").GetDirection()).reshape(3, 3)
again = np.asarray(pyvista.read("vtk.mha").direction_matrix)
transposed = np.allclose(written, turned.T) and np.allclose(again, turned)
print("written by VTK: transposed in SimpleITK and right in VTK:", transposed)
if seen != {"axial": 0.0, "flipped": 0.0, "turned by 30 degrees": 13.6, "sagittal": 30.6} or not transposed:
    sys.exit("The behavior has changed: the image is placed otherwise.")
PY
