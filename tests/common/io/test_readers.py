"""Pictures of every mode and NIfTI files become tensors with the channels asked for, and go back to where they were."""

from __future__ import annotations

import pickle

import nibabel as nib
import numpy as np
import pytest
from monai.data import DataLoader, Dataset
from monai.transforms import Compose, SaveImaged
from PIL import Image

from common.errors import InputError
from common.io import LoadCased
from common.io.formats import is_picture

RAMP = np.arange(35, dtype=np.uint8).reshape(5, 7) * 7  # height 5, width 7


def load(path, channels=1):
    return LoadCased("image", channels=channels)({"image": str(path)})["image"]


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P"])
@pytest.mark.parametrize("suffix", [".png", ".PNG"])
def test_gray_of_every_png_mode_is_its_luminance(tmp_path, mode, suffix):
    Image.fromarray(RAMP).convert(mode).save(tmp_path / f"a{suffix}")
    image = load(tmp_path / f"a{suffix}")
    assert image.shape == (1, 7, 5)
    assert str(image.dtype) == "torch.float32"
    np.testing.assert_allclose(np.asarray(image[0]), RAMP.T, atol=0 if mode != "P" else 60)


def test_palette_indices_are_not_mistaken_for_gray_values(tmp_path):
    image = Image.fromarray(np.array([[0, 1]], dtype=np.uint8), mode=None).convert("P")
    image.putpalette([250, 250, 250, 10, 10, 10])
    image.save(tmp_path / "a.png")
    np.testing.assert_array_equal(np.asarray(load(tmp_path / "a.png"))[0].ravel(), [250, 10])


def test_transparency_is_dropped(tmp_path):
    Image.new("RGBA", (2, 2), (90, 90, 90, 0)).save(tmp_path / "a.png")
    assert float(load(tmp_path / "a.png").min()) == 90
    assert float(load(tmp_path / "a.png", channels=3).min()) == 90


def test_one_bit_equals_eight_bits(tmp_path):
    mask = (RAMP > 100).astype(np.uint8) * 255
    Image.fromarray(mask).convert("1").save(tmp_path / "one.png")
    Image.fromarray(mask).save(tmp_path / "eight.png")
    np.testing.assert_array_equal(np.asarray(load(tmp_path / "one.png")), np.asarray(load(tmp_path / "eight.png")))


def test_sixteen_bits_are_neither_clipped_nor_rescaled(tmp_path):
    deep = RAMP.astype(np.uint16) * 257
    Image.fromarray(deep).save(tmp_path / "a.png")
    np.testing.assert_array_equal(np.asarray(load(tmp_path / "a.png"))[0], deep.T)
    np.testing.assert_array_equal(np.asarray(load(tmp_path / "a.png", channels=3))[2], deep.T)


@pytest.mark.parametrize(("mode", "name"), [("F", "a.tif"), ("I", "a.tif")])
def test_thirty_two_bits_keep_their_scale_in_every_channel(tmp_path, mode, name):
    Image.fromarray(RAMP.astype(np.int32 if mode == "I" else np.float32) * 257).save(tmp_path / name)
    image = load(tmp_path / name, channels=3)
    for channel in np.asarray(image):
        np.testing.assert_array_equal(channel, RAMP.T.astype(np.float32) * 257)


def test_colors_keep_their_order(tmp_path):
    Image.new("RGB", (3, 2), (10, 20, 30)).save(tmp_path / "a.png")
    image = load(tmp_path / "a.png", channels=3)
    assert image.shape == (3, 3, 2)
    assert image[:, 0, 0].tolist() == [10, 20, 30]


def test_jpeg_in_gray_and_cmyk(tmp_path):
    Image.new("L", (16, 8), 120).save(tmp_path / "gray.jpg")
    Image.new("CMYK", (16, 8), (0, 0, 0, 135)).save(tmp_path / "print.JPEG")
    for name in ("gray.jpg", "print.JPEG"):
        assert load(tmp_path / name).shape == (1, 16, 8)
        assert load(tmp_path / name, channels=3).shape == (3, 16, 8)
        assert float(load(tmp_path / name).mean()) == pytest.approx(120, abs=2)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "scan.png.nii.gz"])
def test_nifti_keeps_shape_values_and_affine(tmp_path, name):
    data = np.random.default_rng(0).normal(size=(4, 5, 6)).astype(np.float32)
    affine = np.array([[0, -2, 0, 5], [1.5, 0, 0, -7], [0, 0, 4, 1], [0, 0, 0, 1.0]])
    nib.save(nib.Nifti1Image(data, affine), tmp_path / name)
    image = load(tmp_path / name)
    np.testing.assert_array_equal(np.asarray(image), data[None])
    np.testing.assert_allclose(np.asarray(image.affine), affine)


def test_the_last_axis_of_a_four_dimensional_nifti_is_the_channel(tmp_path):
    nib.save(nib.Nifti1Image(np.zeros((4, 5, 6, 3), np.float32), np.eye(4)), tmp_path / "a.nii")
    assert load(tmp_path / "a.nii", channels=3).shape == (3, 4, 5, 6)


@pytest.mark.parametrize("name", ["a.png", "a.nii.gz"])
def test_what_is_saved_lies_where_it_was_loaded(tmp_path, name):
    path = tmp_path / name
    if name.endswith(".png"):
        Image.fromarray(RAMP).save(path)
        extension, dtype = ".png", np.uint8
    else:
        affine = np.array([[-2, 0, 0, 5], [0, 0, 3, -7], [0, 1, 0, 1], [0, 0, 0, 1.0]])
        nib.save(nib.Nifti1Image(np.arange(24, dtype=np.float32).reshape(2, 3, 4), affine), path)
        extension, dtype = ".nii.gz", np.float32
    save = SaveImaged(
        "image", output_dir=tmp_path / "out", output_postfix="", output_ext=extension, output_dtype=dtype,
        separate_folder=False, resample=False, print_log=False,
    )  # fmt: skip
    Compose([LoadCased("image"), save])({"image": str(path)})
    (saved,) = (tmp_path / "out").iterdir()
    if name.endswith(".png"):
        np.testing.assert_array_equal(np.asarray(Image.open(saved)), RAMP)
    else:
        before, after = nib.load(path), nib.load(saved)
        np.testing.assert_array_equal(after.get_fdata(), before.get_fdata())
        np.testing.assert_allclose(after.affine, before.affine)


def test_pictures_of_different_modes_fit_in_one_batch(tmp_path):
    for number, mode in enumerate(["L", "RGB", "1", "LA"]):
        Image.fromarray(RAMP).convert(mode).save(tmp_path / f"{number}.png")
    items = [{"image": str(tmp_path / f"{number}.png")} for number in range(4)]
    (batch,) = DataLoader(Dataset(items, LoadCased("image", channels=1)), batch_size=4, num_workers=0)
    assert batch["image"].shape == (4, 1, 7, 5)
    assert pickle.loads(pickle.dumps(LoadCased("image"))).keys == ("image",)


@pytest.mark.parametrize("content", [b"", b"no image", None])
def test_a_damaged_picture_is_named(tmp_path, content):
    path = tmp_path / "damaged.png"
    if content is None:
        Image.effect_noise((64, 64), 50).save(path)
        content = path.read_bytes()[:1000]
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"damaged\.png cannot be read"):
        load(path)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_a_picture_for_a_network_of_four_channels(tmp_path, mode):
    Image.new(mode, (3, 2)).save(tmp_path / "a.png")
    with pytest.raises(InputError) as refused:
        LoadCased("image", channels=4)({"image": str(tmp_path / "a.png"), "case": "p7"})
    got = "expected 4 channels, got a picture, which has 1 (gray) or 3 (color)."
    assert str(refused.value) == f"Case p7: {tmp_path / 'a.png'}: {got}"


def modalities(folder, shapes=((4, 5, 6),) * 4, moved=0.0):
    """A NIfTI file for each shape, with noise; the affine of each lies ``moved`` mm further than that before."""
    files = []
    for number, shape in enumerate(shapes):
        affine = np.array([[0, -2, 0, 5 + moved * number], [1.5, 0, 0, -7], [0, 0, 4, 1], [0, 0, 0, 1.0]])
        values = np.random.default_rng(number).normal(size=shape).astype(np.float32)
        files.append(str(folder / f"{number}.nii.gz"))
        nib.save(nib.Nifti1Image(values, affine), files[-1])
    return files


def test_files_of_a_list_are_channels_in_its_order(tmp_path):
    """Affine and name are those of the first, also where rounding has moved the others a little."""
    files = modalities(tmp_path, moved=0.01)[::-1]
    image = LoadCased("image", channels=4)({"image": files})["image"]
    for channel, file in zip(image, files, strict=True):
        np.testing.assert_array_equal(np.asarray(channel), nib.load(file).get_fdata(dtype=np.float32))
    np.testing.assert_allclose(np.asarray(image.affine), nib.load(files[0]).affine)
    assert image.meta["filename_or_obj"] == files[0]
    both = modalities(tmp_path, [(4, 5, 6, 3), (4, 5, 6)])
    assert LoadCased("image", channels=4)({"image": both})["image"].shape == (4, 4, 5, 6)


@pytest.mark.parametrize(
    ("shapes", "moved", "file", "expected"),
    [
        ([(4, 5, 6), (4, 5, 6)], 0, "0.nii.gz, {}1.nii.gz", "expected 4 channels, got 2"),
        ([(4, 5, 6, 4)] * 2, 0, "0.nii.gz, {}1.nii.gz", "expected 4 channels, got 8"),
        ([(4, 5, 6), (4, 5, 7)], 0, "1.nii.gz", "its shape is 4 × 5 × 7, that of the image 4 × 5 × 6"),
        ([(4, 5, 6), (4, 5)], 0, "1.nii.gz", "its shape is 4 × 5, that of the image 4 × 5 × 6"),
        ([(4, 5, 6)] * 4, 3, "1.nii.gz", "its affine puts it up to 3 mm from the image (1.5 × 2 × 4 mm voxels)"),
    ],
)
def test_files_of_a_list_that_do_not_belong_together(tmp_path, shapes, moved, file, expected):
    files = modalities(tmp_path, shapes, moved)
    with pytest.raises(InputError) as refused:
        LoadCased("image", channels=4)({"image": files, "case": "p7"})
    assert str(refused.value) == f"Case p7: {tmp_path}/{file.format(f'{tmp_path}/')}: {expected}."


def test_pictures_are_known_by_their_suffix():
    assert is_picture("a.b/x.JPG") and is_picture("y.gif") and is_picture("y.BMP")
    assert not is_picture("x.png.nii.gz") and not is_picture("x.txt")
