"""Every format gives the same tensor, and what is wrong with a file is one sentence that names it."""

from __future__ import annotations

import gzip
import itertools
import os
import struct
import tracemalloc
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from common.errors import InputError
from common.io.checks import form_finding, geometry_finding
from common.io.formats import read_header, read_image, suffix_of
from common.io.writers import save_like, voxel_mm3

AFFINE = np.array([[0, -2, 0, 5], [1.5, 0, 0, -7], [0, 0, 4, 1], [0, 0, 0, 1.0]])
VOXELS = np.random.default_rng(0).integers(0, 1000, (4, 5, 6)).astype(np.int16)
MAKERS = {
    "a.nii": nib.Nifti1Image,
    "a.nii.gz": nib.Nifti1Image,
    "a2.nii": nib.Nifti2Image,
    "a2.nii.gz": nib.Nifti2Image,
    "pair.img": nib.Nifti1Pair,
    "pair.hdr": nib.Nifti1Pair,
    "a.mgz": nib.MGHImage,
    "a.mgh": nib.MGHImage,
}


def write(path: Path, voxels: np.ndarray = VOXELS, affine: np.ndarray = AFFINE) -> Path:
    if path.name in MAKERS:
        nib.save(MAKERS[path.name](voxels, affine), path)
        return path
    sitk = pytest.importorskip("SimpleITK")
    image = sitk.GetImageFromArray(np.ascontiguousarray(voxels.T))
    lps = np.diag([-1, -1, 1, 1.0]) @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    sitk.WriteImage(image, str(path))
    return path


@pytest.mark.parametrize("name", [*MAKERS, "a.nrrd", "a.nhdr", "a.mha", "a.mhd"])
def test_every_format_gives_the_same_image_and_gets_its_results_back(tmp_path, name):
    path = write(tmp_path / name)
    image, header = read_image(path), read_header(path)
    assert image.dtype == torch.float32 and image.meta["filename_or_obj"] == str(path)
    np.testing.assert_array_equal(image[0].numpy(), VOXELS)
    np.testing.assert_allclose(image.affine, AFFINE, atol=1e-5)
    np.testing.assert_allclose(header.affine, AFFINE, atol=1e-5)
    assert (header.shape, header.channels) == ((4, 5, 6), 1)
    assert header.spacing == pytest.approx((1.5, 2, 4)) and voxel_mm3(path) == pytest.approx(12)
    mask = (VOXELS > 500).astype(np.uint8)
    saved = save_like(path, mask, tmp_path / "mask")
    written = read_image(saved)
    np.testing.assert_array_equal(written[0].numpy(), mask)
    assert geometry_finding(image, written) is None
    if name.startswith("a2"):
        assert isinstance(nib.load(saved), nib.Nifti2Image)
    assert suffix_of(saved) == {"nrrd": ".nrrd", "nhdr": ".nrrd", "mha": ".mha", "mhd": ".mha"}.get(
        name.split(".")[-1], ".mgz" if name.endswith((".mgz", ".mgh")) else ".nii.gz"
    )


def test_a_mask_is_not_shown_in_the_window_of_its_image(tmp_path):
    image = nib.Nifti1Image(VOXELS, AFFINE)
    image.header["cal_min"], image.header["cal_max"] = -160, 240
    nib.save(image, tmp_path / "a.nii")
    header = nib.load(save_like(tmp_path / "a.nii", np.ones(VOXELS.shape, np.uint8), tmp_path / "mask")).header
    assert (header["cal_min"], header["cal_max"]) == (0, 0)


@pytest.mark.parametrize("name", ["a.nii.gz", "a2.nii.gz", "a.mgz"])
def test_channels_are_the_fourth_axis_and_results_have_none(tmp_path, name):
    path = write(tmp_path / name, np.stack([VOXELS, VOXELS + 1], -1))
    image = read_image(path, channels=2)
    np.testing.assert_array_equal(image[1].numpy(), VOXELS + 1)
    assert read_header(path).channels == 2
    saved = save_like(path, np.ones((4, 5, 6), np.uint8), tmp_path / "mask")
    assert nib.load(saved).shape == (4, 5, 6)
    several = save_like(path, np.zeros((4, 5, 6, 3), np.float32), tmp_path / "probabilities")
    assert nib.load(several).shape == (4, 5, 6, 3)
    with pytest.raises(InputError, match=rf"{name}: expected 1 channel, got 2"):
        read_image(path, channels=1)
    with pytest.raises(InputError, match=r"expected the size \(4, 5, 6\) of "):
        save_like(path, np.ones((4, 5, 5), np.uint8), tmp_path / "wrong")


@pytest.mark.parametrize("name", ["a.nii.gz", "a.mgz"])
def test_a_checksum_that_fails_is_a_damaged_file(tmp_path, name):
    path = write(tmp_path / name, np.random.default_rng(0).integers(0, 999, (40, 40, 40)).astype(np.int16))
    content = bytearray(path.read_bytes())
    content[-8] ^= 1  # of the CRC
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"{name} cannot be read as .*CRC"):
        read_image(path)


@pytest.mark.parametrize("size", [1.0, 0.7, 1.5, 2.0, 0.3125])
def test_a_voxel_in_meters_is_exactly_that_in_millimeters(tmp_path, size):
    """A number of voxels after resampling is rounded, so that 1.0000000475 mm can give one more than 1 mm."""
    for name, unit, factor in (("mm", 2, 1), ("m", 1, 0.001), ("um", 3, 1000)):
        image = nib.Nifti1Image(VOXELS, np.diag([-size * factor, size * factor, size * factor, 1]))
        image.header["xyzt_units"] = unit
        nib.save(image, tmp_path / f"{name}.nii")
    mm, *others = (np.asarray(read_image(tmp_path / f"{name}.nii").affine) for name in ("mm", "m", "um"))
    for other in others:
        np.testing.assert_allclose(other, mm, rtol=1e-7, atol=0)
    if size in (1.0, 1.5, 2.0):
        assert all(np.array_equal(other, mm) for other in others)


@pytest.mark.parametrize(("unit", "millimeters"), [(0, 1.0), (1, 1000.0), (2, 1.0), (3, 0.001)])
@pytest.mark.parametrize("name", ["a.nii", "a2.nii.gz"])
def test_units_become_millimeters(tmp_path, unit, millimeters, name):
    image = MAKERS[name](VOXELS, AFFINE)
    image.header["xyzt_units"] = unit + 8  # seconds
    nib.save(image, tmp_path / name)
    scale = np.diag([millimeters] * 3 + [1])
    np.testing.assert_allclose(read_image(tmp_path / name).affine, scale @ AFFINE)
    assert voxel_mm3(tmp_path / name) == pytest.approx(12 * millimeters**3)
    saved = save_like(tmp_path / name, VOXELS, tmp_path / "mask")
    np.testing.assert_allclose(read_image(saved).affine, scale @ AFFINE)


@pytest.mark.parametrize("packed", [False, True])
def test_a_header_that_promises_too_much_is_refused_before_memory_is_taken(tmp_path, packed):
    header = nib.Nifti1Image(np.zeros((1, 1, 1), np.float32), np.eye(4)).to_bytes()[:352]
    content = bytearray(header)
    content[40:56] = struct.pack("<8h", 3, 1000, 1000, 800, 1, 1, 1, 1)
    path = tmp_path / ("a.nii.gz" if packed else "a.nii")
    path.write_bytes(gzip.compress(bytes(content)) if packed else bytes(content))
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=r"a\.nii.*its header promises 3200000000 bytes for 1000 × 1000 × 800"):
            read_image(path)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
    with pytest.raises(InputError, match="promises"):
        read_header(path)


def spoiled(path: Path, place: int, value: float, sform: bool) -> Path:
    image = nib.Nifti1Image(VOXELS, np.diag([2.0, 2, 3, 1]))
    image.set_sform(np.diag([2.0, 2, 3, 1]), code=int(sform))
    image.set_qform(np.diag([2.0, 2, 3, 1]), code=1)
    content = bytearray(image.to_bytes())
    content[place : place + 4] = struct.pack("<f", value)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("place", "value", "sform", "message"),
    [
        (80, np.nan, True, "the voxel size in its header is nan × 2 × 3"),
        (84, np.inf, False, "the voxel size in its header is 2 × inf × 3"),
        (80, 0.0, False, "the voxel size in its header is 0 × 2 × 3"),
        (280, np.inf, True, "its affine cannot be inverted"),
        (280, np.nan, True, "its affine cannot be inverted"),
        (280, 0.0, True, "its affine cannot be inverted"),
    ],
)
def test_a_place_that_is_none_is_named(tmp_path, place, value, sform, message):
    path = spoiled(tmp_path / "a.nii", place, value, sform)
    for read in (read_image, read_header):
        with pytest.raises(InputError, match=rf"a\.nii: {message}"):
            read(path)


def test_two_forms_that_lie_apart(tmp_path):
    """The sform counts, unless its scale contradicts the voxel size and that of the qform does not."""
    sform, qform = np.diag([2.0, 2, 3, 1]), np.diag([2.0, 2, 3, 1])
    qform[0, 3] = 7
    image = nib.Nifti1Image(VOXELS, sform)
    image.set_sform(sform, code=2)
    image.set_qform(qform, code=1)
    nib.save(image, tmp_path / "a.nii")
    found = read_image(tmp_path / "a.nii")
    np.testing.assert_allclose(found.affine, sform)
    assert "lie up to 7 mm apart; the sform is taken" in form_finding(found).message
    assert form_finding(read_image(write(tmp_path / "a.nii.gz"))) is None

    nib.save(nib.Nifti1Image(VOXELS, qform), tmp_path / "itk.nii")  # as ITK writes it: by the qform
    finding = geometry_finding(found, read_image(tmp_path / "itk.nii"))
    assert finding.unusable and "sform and qform of one of the files differ" in finding.message

    image.set_sform(np.diag([9.0, 2, 3, 1]), code=2)
    image.header["pixdim"][1:4] = 2, 2, 3
    nib.save(image, tmp_path / "b.nii")
    scaled = read_image(tmp_path / "b.nii")
    np.testing.assert_allclose(scaled.affine, qform)
    assert "the qform is taken" in form_finding(scaled).message


def without_forms(path: Path, voxels: np.ndarray, code: int = 0) -> Path:
    image = nib.Nifti1Image(voxels, None)
    image.header.set_zooms((2, 3, 4)[: voxels.ndim])
    image.header["qform_code"] = code
    nib.save(image, path)
    return path


@pytest.mark.parametrize("shape", [(4, 5, 6), (4, 5)])
def test_a_file_without_forms_says_no_place(tmp_path: Path, shape: tuple[int, ...]) -> None:
    """The place that is taken is nibabel's, the other one what SimpleITK reads, in mm to the left and to the back."""
    path = without_forms(tmp_path / "a.nii.gz", np.zeros(shape, np.uint8))
    found = read_image(path)
    np.testing.assert_allclose(found.affine, nib.load(path).affine)
    other = found.meta["other_affine"]
    image = pytest.importorskip("SimpleITK").ReadImage(str(path))
    for voxel in itertools.product(*((0, side - 1) for side in shape)):
        flipped = np.array([-1, -1, 1])[: len(shape)] * image.TransformIndexToPhysicalPoint(voxel)
        np.testing.assert_allclose((other @ [*voxel, *[0] * (3 - len(shape)), 1])[: len(shape)], flipped)
    finding = form_finding(found, str(path))
    assert not finding.unusable and "both codes are 0" in finding.message
    assert form_finding(read_image(without_forms(tmp_path / "q.nii", VOXELS, code=1))) is None


def test_a_label_where_itk_puts_a_file_without_forms_is_said_to_fit(tmp_path: Path) -> None:
    image = read_image(without_forms(tmp_path / "a.nii", VOXELS))
    nib.save(nib.Nifti1Image(VOXELS, np.diag([-2.0, -3, 4, 1])), tmp_path / "b.nii")
    finding = geometry_finding(image, read_image(tmp_path / "b.nii"))
    assert finding.unusable and "neither sform nor qform, and where ITK puts it the two fit" in finding.message


RAMP = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif"])
def test_pictures_stand_upright(tmp_path, orientation, name):
    big = np.kron(RAMP, np.ones((16, 16), np.uint8))  # whole JPEG blocks
    picture = Image.fromarray(big)
    exif = picture.getexif()
    exif[274] = orientation
    picture.save(tmp_path / name, exif=exif, **({"quality": 100} if name == "a.jpg" else {}))
    turned = big.T if orientation > 4 else big
    rows, columns = orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)
    expected = turned[:: -1 if rows else 1, :: -1 if columns else 1].T
    image = read_image(tmp_path / name)
    assert read_header(tmp_path / name).shape == expected.shape
    np.testing.assert_allclose(image[0].numpy(), expected, atol=2)
    saved = save_like(tmp_path / name, (expected > 100).astype(np.uint8), tmp_path / "mask")
    np.testing.assert_array_equal(np.asarray(Image.open(saved)).T, (expected > 100) * 255)


@pytest.mark.parametrize("size", [(1, 1), (5, 1), (1, 5)])
def test_lines_and_single_pixels_keep_their_shape(tmp_path, size):
    Image.new("L", size, 7).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").shape == (1, *size)
    saved = save_like(tmp_path / "a.png", np.ones(size, np.uint8), tmp_path / "mask")
    assert Image.open(saved).size == size
    saved = save_like(tmp_path / "a.png", np.ones((*size, 1), np.uint8), tmp_path / "mask")
    assert Image.open(saved).size == size


def test_channels_of_pictures(tmp_path):
    Image.fromarray(RAMP.astype(np.uint16) * 17).save(tmp_path / "deep.png")
    deep = read_image(tmp_path / "deep.png", channels=3)
    for channel in deep.numpy():
        np.testing.assert_array_equal(channel, RAMP.T.astype(np.float32) * 17)
    Image.new("RGB", (3, 2), (10, 20, 30)).save(tmp_path / "color.png")
    assert read_image(tmp_path / "color.png").shape == (3, 3, 2)
    gray = read_image(tmp_path / "color.png", channels=1)
    assert gray.unique().tolist() == [18] and "read as gray" in gray.meta["reduced"]
    assert "reduced" not in read_image(tmp_path / "deep.png", channels=1).meta
    for name in ("a.gif", "a.bmp"):
        Image.fromarray(RAMP).save(tmp_path / name)
        np.testing.assert_array_equal(read_image(tmp_path / name)[0].numpy(), RAMP.T)


@pytest.mark.parametrize(
    ("mode", "said"), [("RGBA", "transparency, which varies"), ("CMYK", "its CMYK inks"), ("RGB", "")]
)
def test_what_is_not_read_of_a_picture_is_said(tmp_path: Path, mode: str, said: str) -> None:
    bands = np.stack([RAMP, RAMP[::-1], RAMP, RAMP], -1)[..., : len(mode)].astype(np.uint8)
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    Image.fromarray(np.ascontiguousarray(bands), mode=mode).save(path)
    assert said in read_image(path).meta.get("reduced", "")
    assert bool(said) == ("reduced" in read_image(path).meta)
    bands[..., -1] = 255  # nothing is lost
    Image.fromarray(np.ascontiguousarray(bands), mode=mode).save(path)
    assert mode == "CMYK" or "reduced" not in read_image(path).meta


def test_a_channel_that_is_no_color_is_refused(tmp_path: Path) -> None:
    """Infrared beside colors, which Pillow drops; transparency is said to be one."""
    bands = np.stack([RAMP, RAMP[::-1], RAMP, RAMP], -1).astype(np.uint8)
    for kind, scale in ((0, 1), (0, 200), (2, 1), (2, 200)):  # of 8 and of 16 bits
        values = bands if scale == 1 else bands.astype(np.uint16) * scale
        tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", extrasamples=[kind])
        if kind:
            read = read_image(tmp_path / "a.tif")
            assert "transparency" in read.meta["reduced"] and read.max() == 220 * scale
        else:
            with pytest.raises(InputError, match=r"a.tif: expected a gray or color picture, got 4 channels"):
                read_image(tmp_path / "a.tif")


def test_colors_of_sixteen_and_thirty_two_bits_in_tiff(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    for kind in (np.uint16, np.float32):
        colors = (np.arange(36).reshape(3, 4, 3) * 1001).astype(kind)
        tifffile.imwrite(tmp_path / "a.tif", colors, photometric="rgb")
        np.testing.assert_array_equal(read_image(tmp_path / "a.tif").numpy(), colors.transpose(2, 1, 0))
        assert read_header(tmp_path / "a.tif").channels == 3


def test_more_than_one_picture_is_refused(tmp_path):
    pages = [Image.fromarray(RAMP), Image.fromarray(RAMP[::-1].copy())]
    for name in ("a.gif", "a.tif"):
        pages[0].save(tmp_path / name, save_all=True, append_images=pages[1:])
        with pytest.raises(InputError, match=rf"{name}: expected one picture, got 2"):
            read_image(tmp_path / name)


def test_files_that_are_none(tmp_path):
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(InputError, match=r"a\.txt: expected a file that ends with one of \.png"):
        read_image(tmp_path / "a.txt")
    for name in ("b.nii", "b.png", "b.mgz"):
        with pytest.raises(InputError, match=rf"{name} cannot be read as .*: there is no such file"):
            read_image(tmp_path / name)
        os.close(os.open(tmp_path / name, os.O_CREAT))
        with pytest.raises(InputError, match=rf"{name} cannot be read as"):
            read_header(tmp_path / name)
    with pytest.raises(InputError, match="empty list"):
        read_image([])
    nib.save(nib.Nifti1Image(VOXELS.astype(np.complex64), AFFINE), tmp_path / "complex.nii")
    with pytest.raises(InputError, match=r"complex\.nii: expected one real number per voxel, got complex64"):
        read_image(tmp_path / "complex.nii")


def write_deep_png(path: Path, pixels: np.ndarray) -> Path:
    import SimpleITK as sitk

    sitk.WriteImage(sitk.GetImageFromArray(pixels, isVector=True), path)
    return path


def test_a_png_of_16_bits_per_color_keeps_them(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 2**16, (4, 5, 3)).astype(np.uint16)
    image = read_image(write_deep_png(tmp_path / "deep.png", pixels))
    assert np.array_equal(image.numpy(), pixels.transpose(2, 1, 0).astype(np.float32))


def test_16_bits_of_gray_with_transparency_are_refused(tmp_path: Path) -> None:
    path = write_deep_png(tmp_path / "deep.png", np.full((4, 5, 2), 999, np.uint16))
    with pytest.raises(InputError, match=r"deep\.png: expected 16 bits of gray without transparency"):
        read_image(path)


@pytest.mark.parametrize(("dtype", "channels"), [(np.uint8, 2), (np.uint8, 4), (np.uint16, 4)])
def test_a_picture_in_the_transparency_alone_is_refused(tmp_path: Path, dtype: type, channels: int) -> None:
    pixels = np.zeros((4, 5, channels), dtype)
    pixels[1:3, 2:4, -1] = 255
    path = write_deep_png(tmp_path / "alpha.png", pixels)
    with pytest.raises(InputError, match=r"alpha\.png: expected values or colors, got one color everywhere"):
        read_image(path)
    pixels[1:3, 2:4, 0] = 200
    assert read_image(write_deep_png(path, pixels))[0, 2:4, 1:3].unique().tolist() == [200.0]


def test_a_label_that_was_not_turned_with_its_image_is_explained(tmp_path: Path) -> None:
    picture = Image.new("L", (6, 4))
    exif = picture.getexif()
    exif[274] = 6
    picture.save(tmp_path / "a.jpg", exif=exif)
    picture.save(tmp_path / "b.png")
    found = geometry_finding(read_image(tmp_path / "a.jpg"), read_image(tmp_path / "b.png"))
    assert found is not None and found.unusable
    assert found.message == (
        "its shape is 6 × 4, that of the image 4 × 6; one of them is turned by its EXIF orientation, the other is not"
    )


@pytest.mark.parametrize("base", [0, 10**9])
@pytest.mark.parametrize("kind", [np.int32, np.float64])
def test_values_that_are_alike_in_float32_are_said(base: int, kind: type, tmp_path: Path) -> None:
    voxels = (base + np.arange(24).reshape(2, 3, 4)).astype(kind)
    nib.save(nib.Nifti1Image(voxels, np.eye(4), dtype=kind), tmp_path / "a.nii")
    said = read_image(tmp_path / "a.nii").meta.get("reduced", "")
    assert ("alike in all digits that float32 holds" in said) == (base > 0)
