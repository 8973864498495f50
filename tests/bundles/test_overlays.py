"""A network that was trained with an overlay segments new images with the same overlay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from bundle_runs import BUNDLES, run_bundle
from monai.bundle import ConfigParser
from PIL import Image

from common.io.files import read_csv

SMALL = {"features": [4, 8], "image_size": [16, 16]}
# Of each overlay of the network: the files of one new image, and what makes its network small
NEW_IMAGES: dict[tuple[str, str], tuple[list[str], dict[str, Any]]] = {
    ("soft_label_apl", "unet"): (["a.nii.gz"], {}),
}


def write_image(path: Path) -> tuple[int, ...]:
    """Noise, the same in every file; returns its shape."""
    values = np.random.default_rng(0).integers(0, 255, (22, 14, 5)).astype(np.float32)
    if ".nii" in path.name:
        nib.save(nib.Nifti1Image(values, np.diag([-1.0, -1.0, 2.0, 1.0])), path)
        return values.shape
    Image.fromarray(values[..., 0].T.astype(np.uint8)).save(path)
    return values.shape[:2]


def test_every_overlay_is_here(overlaid_inference: list[str]) -> None:
    path = Path(overlaid_inference[-1])
    assert (path.parents[1].name, path.stem) in NEW_IMAGES


@pytest.mark.parametrize(("bundle", "overlay"), NEW_IMAGES)
def test_new_images(bundle: str, overlay: str, tmp_path: Path) -> None:
    files, sizes = NEW_IMAGES[bundle, overlay]
    (tmp_path / "new").mkdir()
    shapes = [write_image(tmp_path / "new" / name) for name in files]
    names = ["inference", overlay]
    parser = ConfigParser()
    parser.read_config([str(BUNDLES / bundle / f"configs/{name}.yaml") for name in names])
    parser.update(sizes)
    torch.manual_seed(0)
    torch.save(parser.get_parsed_content("network_def").state_dict(), tmp_path / "model.pt")
    if "plan" in parser:
        (tmp_path / "plan.json").write_text(parser.get_parsed_content("plan").to_json(), encoding="utf-8")
    places = {"dataset_dir": str(tmp_path / "new"), "ckpt_dir": str(tmp_path), "output_dir": str(tmp_path / "out")}
    run_bundle(bundle, "inferring", names, **places, **sizes)
    (row,) = read_csv(tmp_path / "out/summary.csv")
    assert row["case"] == "a"
    (mask,) = (tmp_path / "out").glob("a_mask.*")
    if mask.suffix == ".png":
        assert Image.open(mask).size == shapes[0]
    else:
        assert nib.load(mask).shape == shapes[0]
        np.testing.assert_array_equal(nib.load(mask).affine, nib.load(tmp_path / "new" / files[0]).affine)
