"""What a result takes over from its image, and what not."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np

from common.io.writers import save_like


def test_a_mask_keeps_the_place_of_its_image_and_no_comments(tmp_path: Path) -> None:
    """NIfTI extensions hold texts of other programs, such as DICOM headers with the patient's name."""
    affine = np.diag([2.0, 3.0, 4.0, 1.0])
    image = nib.Nifti1Image(np.zeros((4, 3, 2), np.int16), affine)
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"of somebody"))
    nib.save(image, tmp_path / "a.nii.gz")
    path = save_like(tmp_path / "a.nii.gz", np.ones((4, 3, 2), np.uint8), tmp_path / "a_mask")
    mask = nib.load(path)
    assert not mask.header.extensions and bool((np.asarray(mask.dataobj) == 1).all())
    np.testing.assert_array_equal(mask.affine, affine)
    assert nib.load(tmp_path / "a.nii.gz").header.extensions, "the image itself stays as it is"
