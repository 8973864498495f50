"""Batch augmentation, slices, masks, and predictions written like their images."""

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from PIL import Image

from common.errors import InputError
from common.transforms import AugmentBatch, BinaryMaskd, NormalizeSlicesd, SaveSegmentationd, SliceStackd
from common.transforms.batch_augmentation import gamma_contrast, mirror
from common.transforms.save_prediction import save_like


def test_mirror_flips_the_named_images_only():
    batch = torch.arange(24.0).reshape(2, 1, 3, 4)
    for axis in (0, 1):
        result = mirror(batch, torch.tensor([False, True]), axis)
        assert torch.equal(result[0], batch[0])
        assert torch.equal(result[1], batch[1].flip(axis + 1))
        assert torch.equal(mirror(result, torch.tensor([False, True]), axis), batch)


def test_gamma_keeps_range_order_and_constant_images():
    image = torch.rand(3, 1, 5, 5, dtype=torch.float64) * 7 - 2
    result = gamma_contrast(image, torch.tensor([0.5, 1.0, 2.0]))
    low, high = image.amin((1, 2, 3)), image.amax((1, 2, 3))
    assert torch.allclose(result.amin((1, 2, 3)), low)
    assert torch.allclose(result.amax((1, 2, 3)), high)
    assert torch.allclose(result[1], image[1])
    oracle = low[2] + (high[2] - low[2]) * ((image[2] - low[2]) / (high[2] - low[2])) ** 2
    assert torch.allclose(result[2], oracle)
    flat = torch.full((1, 1, 4, 4), 3.0)
    assert torch.equal(gamma_contrast(flat, torch.tensor([2.0])), flat)


def test_augment_mirrors_image_and_labels_alike_and_per_image():
    image = torch.rand(64, 1, 4, 6)
    augment = AugmentBatch(label_keys=["label", "clean_label"], gamma_probability=0).set_random_state(0)
    batch = {"image": image.clone(), "label": image.clone(), "clean_label": image.clone()}
    result, label = augment(batch)
    assert torch.allclose(result, label, atol=1e-6)
    assert torch.equal(batch["clean_label"], label)
    kinds = [
        next(k for k, dims in enumerate(((), (1,), (2,), (1, 2))) if torch.equal(label[i], image[i].flip(dims)))
        for i in range(64)
    ]
    assert min(kinds.count(k) for k in range(4)) >= 6  # 16 expected of each
    assert torch.equal(
        AugmentBatch(mirror_probability=0, gamma_probability=0)({"image": image, "label": image})[1], image
    )


@pytest.mark.parametrize(
    "options", [{"mirror_probability": 1.5}, {"gamma_probability": -0.1}, {"gamma": (0, 1)}, {"gamma": (2, 1)}]
)
def test_augment_refuses(options):
    with pytest.raises(InputError, match="expected"):
        AugmentBatch(**options)


def test_an_image_is_a_stack_of_one_slice():
    image = MetaTensor(torch.rand(1, 5, 4))
    stack = SliceStackd("image", axis=1)({"image": image})["image"]
    assert stack.shape == (1, 5, 1, 4)
    assert stack.affine.shape == (4, 4)
    volume = torch.rand(1, 5, 4, 3)
    assert SliceStackd("image")({"image": volume})["image"] is volume
    with pytest.raises(InputError, match="2-D image or a 3-D volume"):
        SliceStackd("image")({"image": torch.rand(1, 2, 2, 2, 2)})


def test_each_slice_is_normalized_like_the_image_it_is():
    random = torch.rand(2, 6, 5, 4, generator=torch.Generator().manual_seed(0))
    volume = random * torch.tensor([1.0, 5.0, 10.0, 0.0]) + 3
    result = NormalizeSlicesd("image", axis=2)({"image": volume})["image"]
    for i in range(4):
        single = NormalizeSlicesd("image")({"image": volume[..., i]})["image"]
        assert torch.allclose(result[..., i], single, atol=1e-5)  # the mean of 3 to 4 is rounded to 2e-7
    assert torch.allclose(result[..., :3].mean((1, 2)), torch.zeros(2, 3), atol=1e-5)
    assert torch.allclose(result[..., :3].std((1, 2), correction=0), torch.ones(2, 3), atol=1e-5)
    assert torch.equal(result[..., 3], torch.zeros(2, 6, 5))  # a constant slice


@pytest.mark.parametrize("foreground", [1, 255])
def test_binary_mask(foreground):
    mask = torch.tensor([[0.0, 0.4, 0.6, 1.0]]) * foreground
    assert BinaryMaskd("label")({"label": mask})["label"].tolist() == [[0, 0, 1, 1]]
    assert BinaryMaskd("label")({"label": torch.zeros(1, 3)})["label"].sum() == 0


def test_save_like_keeps_nifti_geometry_and_png_orientation(tmp_path):
    affine = np.array([[0, -0.7, 0.1, 5], [0.8, 0, 0, -3], [0.1, 0, 2.5, 9], [0, 0, 0, 1.0]])
    source = nib.Nifti1Image(np.zeros((3, 4, 5), np.int16), affine)
    source.header.set_slope_inter(2, 1)
    nib.save(source, tmp_path / "volume.nii")
    mask = (np.random.default_rng(0).random((3, 4, 5)) > 0.5).astype(np.uint8)
    written = nib.load(save_like(tmp_path / "volume.nii", mask, tmp_path / "a/b_mask"))
    assert np.allclose(written.affine, affine)
    assert written.get_data_dtype() == np.uint8
    assert np.array_equal(np.asarray(written.dataobj), mask)

    Image.new("L", (6, 4)).save(tmp_path / "image.jpg")  # 6 wide, 4 high
    picture = np.zeros((6, 4, 1), np.uint8)
    picture[5, 0] = 1
    path = save_like(tmp_path / "image.jpg", picture, tmp_path / "image_mask")
    assert path.name == "image_mask.png"
    pixels = np.asarray(Image.open(path))
    assert pixels.shape == (4, 6)
    assert pixels[0, 5] == 255
    assert pixels.sum() == 255


def test_save_segmentation_sums_up(tmp_path):
    nib.save(nib.Nifti1Image(np.zeros((2, 2, 2), np.float32), np.diag([2.0, 3, 0.5, 1])), tmp_path / "v.nii.gz")
    probability = torch.full((1, 2, 2, 2), 0.2)
    probability[0, 0, 0, 0] = 0.9
    image = MetaTensor(torch.zeros(1, 2, 2, 2), meta={"filename_or_obj": str(tmp_path / "v.nii.gz")})
    save = SaveSegmentationd("pred", str(tmp_path / "out"), save_probability=True)
    item = save({"image": image, "pred": probability, "case": "sub/v"})
    assert item["summary"] == {
        "case": "sub/v",
        "foreground_voxels": 1,
        "volume_mm3": 3.0,
        "mean_confidence": pytest.approx((0.9 + 7 * 0.8) / 8, abs=1e-6),
    }
    assert np.asarray(nib.load(tmp_path / "out/sub/v_mask.nii.gz").dataobj).sum() == 1
    assert nib.load(tmp_path / "out/sub/v_probability.nii.gz").get_fdata()[0, 0, 0] == pytest.approx(0.9)
