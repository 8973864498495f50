"""Items of paths become tensors, or one sentence that names case and file."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from common.errors import InputError
from common.io import LoadAnnotatorsd, LoadCased


def volume(path: Path, values: np.ndarray, moved: float = 0.0) -> str:
    affine = np.eye(4)
    affine[0, 3] = moved
    nib.save(nib.Nifti1Image(values.astype(np.int16), affine), path)
    return str(path)


LABEL = np.resize([0, 1, 1], (4, 5, 6))


def test_image_label_and_annotators(tmp_path: Path):
    item = {
        "case": "a",
        "image": volume(tmp_path / "image.nii.gz", np.arange(120).reshape(4, 5, 6)),
        "label": volume(tmp_path / "label.nii.gz", LABEL, 0.005),
        "annotators": {"s": volume(tmp_path / "s.nii.gz", 255 * LABEL), "r": None},
    }
    masks = {"values": {"0": 0, "1": 1, "255": 1}}
    loaded = LoadCased(["image", "label", "annotators"], masks, channels=1, annotators=["r", "s"])(item)
    np.testing.assert_array_equal(loaded["label"][0].numpy(), LABEL)
    assert (loaded["annotators"][0] == -1).all()
    np.testing.assert_array_equal(loaded["annotators"][1].numpy(), LABEL)
    for change, message in (
        ({"label": volume(tmp_path / "moved.nii.gz", LABEL, 0.5)}, r"moved.nii.gz: its affine puts it up to 0.5 mm"),
        (
            {"label": volume(tmp_path / "seven.nii.gz", 7 * LABEL)},
            r"seven.nii.gz: expected the values .*, got 7",
        ),
        ({"annotators": {"t": item["label"]}}, "expected labels of at least one of r, s, got those of t"),
    ):
        with pytest.raises(InputError, match=f"^Case a: .*{message}"):
            LoadCased(["image", "label", "annotators"], masks, annotators=["r", "s"])({**item, **change})


def test_annotators_of_one_grid_whose_affines_differ_by_rounding(tmp_path: Path):
    files = {"r": volume(tmp_path / "r.nii.gz", LABEL), "s": volume(tmp_path / "s.nii.gz", LABEL, 0.005)}
    loaded = LoadAnnotatorsd("annotators", ["r", "s"])({"annotators": files})["annotators"]
    np.testing.assert_array_equal(loaded[1].numpy(), LABEL)


def test_jpeg_labels_and_light_palettes_of_annotators(tmp_path: Path):
    mask = np.zeros((32, 32), np.uint8)
    mask[8:24, 8:24] = 1
    Image.fromarray(255 * mask).save(tmp_path / "r.jpg", quality=60)
    palette = Image.fromarray(mask)
    palette.putpalette([250, 250, 250, 0, 0, 0])
    palette.save(tmp_path / "s.png")
    files = {"r": str(tmp_path / "r.jpg"), "s": str(tmp_path / "s.png")}
    for annotator in LoadAnnotatorsd("annotators", ["r", "s"])({"annotators": files})["annotators"]:
        np.testing.assert_array_equal(annotator.numpy(), mask.T)
