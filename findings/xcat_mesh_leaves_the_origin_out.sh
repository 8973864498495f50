#!/usr/bin/env bash
# The meshes of xcat-mesh do not lie where the organ is: 338 mm away from it, and elsewhere for each crop of the scan.
#
# Versions: xcat-mesh 0.1.1, nibabel 5.4.2, scikit-image 0.26.0, NumPy 2.2.6.
# Behavior: an image is turned to RAS, as the documentation says, and from there on only its spacing is used. The
#     vertices are in millimeters from its first voxel after that, the origin is lost. Organs of one patient from masks
#     that were cropped do not fit together, nor does a mesh fit the image, its DICOM series or a plan.
# Expected: vertices at the place that the NIfTI file gives to the mask.
# Seen: the middle of an organ is at (-85.5, -102.5, 317.5). That of its mesh: at (14.5, 17.5, 18.0); from a mask that
#     was cropped by 5 slices of 2.5 mm: at (14.5, 17.5, 5.8).
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.2.6 scipy==1.17.1 nibabel==5.4.2 scikit-image==0.26.0 tqdm==4.70.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps xcat-mesh==0.1.1
cd "$work"
TQDM_DISABLE=1 "$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import nibabel as nib
import numpy as np
from xcat_mesh import mesh_from_nifti
from xcat_mesh.config import MeshConfig, SmoothConfig

print({name: version(name) for name in ("xcat-mesh", "nibabel", "scikit-image", "numpy")})
mask = np.zeros((40, 40, 30), np.uint8)
mask[10:20, 12:24, 5:10] = 1
affine = np.diag([1, 1, 2.5, 1])
affine[:3, 3] = -100, -120, 300
image = nib.Nifti1Image(mask, affine)
config = MeshConfig(smooth=SmoothConfig(enabled=False))
seen = {}
for name, one in (("whole", image), ("cropped", image.slicer[..., 5:])):
    nib.save(one, "mask.nii.gz")
    place = nib.affines.apply_affine(one.affine, np.argwhere(one.get_fdata() > 0))
    vertices = mesh_from_nifti("mask.nii.gz", config)[0]
    seen[name] = [((points.min(0) + points.max(0)) / 2).astype(float).round(1).tolist() for points in (place, vertices)]
    print(f"{name}: middle of the organ {seen[name][0]}, of its mesh {seen[name][1]}")
organ = [-85.5, -102.5, 317.5]
if seen != {"whole": [organ, [14.5, 17.5, 18.0]], "cropped": [organ, [14.5, 17.5, 5.8]]}:
    sys.exit("The behavior has changed: the mesh is elsewhere.")
PY
