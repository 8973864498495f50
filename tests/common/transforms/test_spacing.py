"""Resampling of items that hold other things under keys that begin alike, as MONAI Label's requests do."""

from __future__ import annotations

import torch
from monai.data import MetaTensor
from monai.transforms import Compose, Invertd, Spacingd

from common.transforms import SpacingOfKeysd


def _item() -> dict[str, object]:
    image = torch.rand(1, 8, 6, 4, generator=torch.Generator().manual_seed(0))
    return {"image": MetaTensor(image, meta={"filename_or_obj": "/data/a.nii.gz"}), "case": "a"}


def test_other_keys_are_left_alone() -> None:
    others = {"image_path": "/data/a.nii.gz", "image_2": 1, "label": "later"}
    found = SpacingOfKeysd("image", pixdim=(2.0, 2.0, 2.0))({**_item(), **others})
    assert {key: found[key] for key in others} == others


def test_it_is_monais_with_its_inverse() -> None:
    arguments = {"keys": ["image"], "pixdim": (2.0, 1.0, 0.5), "mode": "bilinear"}
    ours, wanted = SpacingOfKeysd(**arguments), Spacingd(**arguments)(_item())["image"]
    found = Compose([ours])(_item())
    torch.testing.assert_close(found["image"], wanted, rtol=0, atol=0)
    torch.testing.assert_close(found["image"].affine, wanted.affine, rtol=0, atol=0)
    found["pred"] = found["image"].clone()
    inverted = Invertd("pred", Compose([ours]), "image", nearest_interp=False)(found)["pred"]
    assert inverted.shape == (1, 8, 6, 4)


def test_missing_keys_when_allowed() -> None:
    item = _item()
    found = SpacingOfKeysd(["image", "label"], pixdim=(2.0, 2.0, 2.0), allow_missing_keys=True)(item)
    assert found.keys() == item.keys() and found["image"].shape[1] == 4
