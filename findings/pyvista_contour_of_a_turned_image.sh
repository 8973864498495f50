#!/usr/bin/env bash
# pyvista's contour leaves out the direction of an image: the surface lies elsewhere than the object it is made of.
#
# Versions: pyvista 0.49.1, VTK 9.7.2, NumPy 2.3.5.
# Behavior: an image has a direction matrix, which counts for its points, its bounds and most filters. The default
#     method of contour, vtkContourFilter, hands an image to vtkSynchronizedTemplates3D or 2D, which place the result
#     by origin and spacing alone. The other two methods and contour_labels place it by the direction, too.
# Expected: the surface around the object, by every method.
# Seen: in an image turned by 30 degrees it is 7.0 mm away, in one flipped along x and y 27.2 mm, in a slice as well.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.3.5 vtk==9.7.2 pyvista==0.49.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import pyvista

print({name: version(name) for name in ("pyvista", "vtk", "numpy")})
turned = np.eye(3)
turned[:2, :2] = [[np.cos(np.pi / 6), -np.sin(np.pi / 6)], [np.sin(np.pi / 6), np.cos(np.pi / 6)]]
labels = np.zeros((10, 12, 14), np.uint8)
labels[3:6, 4:8, 5:12] = 1
seen = {}
for name, direction in (("straight", np.eye(3)), ("turned", turned), ("flipped", np.diag([-1.0, -1.0, 1.0]))):
    image = pyvista.ImageData(
        dimensions=(14, 12, 10), spacing=(1, 2, 3), origin=(10, 20, 30), direction_matrix=direction
    )
    image["labels"] = labels.ravel()
    image.set_active_scalars("labels")
    object_at = image.points[labels.ravel() > 0].mean(axis=0)
    surfaces = {method: image.contour([0.5], method=method) for method in ("contour", "marching_cubes", "flying_edges")}
    surfaces["contour_labels"] = image.contour_labels()
    piece = image.extract_subset((0, 13, 0, 11, 4, 4))
    away = {key: np.linalg.norm(surface.points.mean(axis=0) - object_at) for key, surface in surfaces.items()}
    away["contour of a slice"] = np.linalg.norm(piece.contour([0.5]).points.mean(axis=0) - object_at)
    seen[name] = {key: round(float(distance), 1) for key, distance in away.items()}
    print(f"{name}: mm from the object {seen[name]}")
right = {"marching_cubes": 0.0, "flying_edges": 0.0, "contour_labels": 0.0}
expected = {
    name: {"contour": distance, **right, "contour of a slice": distance}
    for name, distance in (("straight", 0.0), ("turned", 7.0), ("flipped", 27.2))
}
if seen != expected:
    sys.exit("The behavior has changed: the surfaces lie elsewhere.")
PY
