"""PNG, JPEG, TIFF, GIF and BMP files as arrays, upright as every viewer shows them."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from common.errors import InputError

TURNED = (5, 6, 7, 8)  # EXIF orientations that exchange width and height


@dataclass(frozen=True)
class Picture:
    """A picture as it was stored.

    Attributes:
        pixels: (H, W) of gray values or of indices into ``palette``, or (H, W, 3) of colors; transparency is dropped.
        palette: (N, 3) colors of the indices; None if ``pixels`` are no indices.
        lossy: the values were changed by compression (JPEG).
        altered: what of the file is not in the pixels, as a clause; empty if nothing is lost.
        orientation: EXIF orientation by which it was turned or mirrored, 2 to 8; 1 if it is as stored.
    """

    pixels: np.ndarray
    palette: np.ndarray | None = None
    lossy: bool = False
    altered: str = ""
    orientation: int = 1

    @property
    def colors(self) -> np.ndarray:
        """(H, W) of gray values or (H, W, 3) of colors, a palette applied; a palette of grays gives gray values."""
        if self.palette is None:
            return self.pixels
        gray = bool((self.palette == self.palette[:, :1]).all())
        return (self.palette[:, 0] if gray else self.palette)[self.pixels]


def read_picture(path: str | os.PathLike[str]) -> Picture:
    """Reads one picture; EXIF orientation is applied, 16 and 32 bits are kept.

    Args:
        path: of a PNG, JPEG, TIFF, GIF or BMP file.

    Returns:
        The picture.

    Raises:
        InputError: a file of several pictures (pages, frames), of one color whose transparency alone varies, of 16 bits
            of gray with transparency, or with channels that are neither colors nor transparency.
        Exception: whatever the decoders raise on damaged files.
    """
    tiff = os.fspath(path).lower().endswith((".tif", ".tiff"))
    try:
        with Image.open(path) as image:
            frames = getattr(image, "n_frames", 1)
            if frames > 1 and image.format not in ("MPO", "TIFF"):  # MPO: a photograph with its preview
                raise InputError(f"{path}: expected one picture, got {frames} frames.")
            _check_extra_channels(image, path)
            if image.format == "TIFF" and (frames > 1 or _beyond_pillow(image)):
                return _read_tiff(path)
            orientation = _known_orientation(image.getexif().get(ExifTags.Base.Orientation, 1))
            if image.format == "PNG" and _is_deep_color(path):
                return _read_deep_png(path, orientation)
            stored = _stored(ImageOps.exif_transpose(image), image.format in ("JPEG", "MPO"), path)
            return replace(stored, orientation=orientation)
    except UnidentifiedImageError:
        if not tiff:
            raise
        return _read_tiff(path)


def picture_header(path: str | os.PathLike[str]) -> tuple[tuple[int, int], int]:
    """Width and height as the picture is shown, and its channels (1 or 3), without decoding it.

    Args:
        path: of the file.

    Returns:
        ``((W, H), channels)``; a palette counts as colors.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            # Pillow has exchanged those of a TIFF already
            turned = image.format != "TIFF" and image.getexif().get(ExifTags.Base.Orientation) in TURNED
            gray = image.mode in ("1", "L", "LA", "F") or image.mode.startswith("I")
            return ((height, width) if turned else (width, height)), 1 if gray else 3
    except UnidentifiedImageError:
        if not os.fspath(path).lower().endswith((".tif", ".tiff")):
            raise
        pixels = _read_tiff(path).pixels
        return (pixels.shape[1], pixels.shape[0]), 1 if pixels.ndim == 2 else 3


def _check_extra_channels(image: Image.Image, path: str | os.PathLike[str]) -> None:
    """Refuses a TIFF with channels that are neither colors nor transparency, such as infrared: Pillow drops them."""
    tags = getattr(image, "tag_v2", {})
    count, kinds = tags.get(277, 1), tags.get(338, ())
    extra = count - {0: 1, 1: 1, 3: 1, 5: 4}.get(tags.get(262, 1), 3)
    if extra > 0 and [*kinds, 0][0] not in (1, 2):
        raise InputError(f"{path}: expected a gray or color picture, got {count} channels.")


def _beyond_pillow(image: Image.Image) -> bool:
    """A TIFF that Pillow would cut to 8 bits, not invert, or whose orientation it would apply to the size only."""
    tags = getattr(image, "tag_v2", {})
    kept = image.mode == "F" or image.mode.startswith("I")
    inverted = kept and tags.get(262) == 0  # 0 is white; of 8 bits Pillow inverts it
    return tags.get(274, 1) != 1 or inverted or (not kept and max(tags.get(258, (8,))) > 8)


def _is_deep_color(path: str | os.PathLike[str]) -> bool:
    """A PNG of 16 bits per color, which Pillow would cut to 8 bits."""
    with open(path, "rb") as file:
        header = file.read(26)  # signature, then the chunk IHDR: width, height, bits, color type
    deep = len(header) == 26 and header[24] == 16
    if deep and header[25] == 4:
        raise InputError(f"{path}: expected 16 bits of gray without transparency, got both; save it without.")
    return deep and header[25] in (2, 6)


def _read_deep_png(path: str | os.PathLike[str], orientation: int) -> Picture:
    import SimpleITK as sitk

    pixels = sitk.GetArrayFromImage(sitk.ReadImage(os.fspath(path), imageIO="PNGImageIO"))
    if pixels.shape[-1] > 3:
        altered = _check_transparency(pixels[..., :3], pixels[..., 3], path)
        return Picture(_upright(pixels[..., :3], orientation), altered=altered, orientation=orientation)
    return Picture(_upright(pixels[..., :3], orientation), orientation=orientation)


def _check_transparency(colors: np.ndarray, alpha: np.ndarray, path: str | os.PathLike[str]) -> str:
    """Says whether something is lost, and refuses a picture that shows all by its transparency, which is dropped."""
    varies = bool(alpha.size) and bool((alpha != alpha.flat[0]).any())
    if varies and (colors == colors[:1, :1]).all():
        raise InputError(
            f"{path}: expected values or colors, got one color everywhere and a picture in the transparency; save it "
            "without transparency."
        )
    return "its transparency, which varies, is not read" if varies else ""


def _stored(image: Image.Image, lossy: bool, path: str | os.PathLike[str]) -> Picture:
    altered = "its CMYK inks are read as red, green and blue" if image.mode == "CMYK" else ""
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        bands = np.asarray(image)
        altered = _check_transparency(bands[..., :-1], bands[..., -1], path)
    if image.mode in ("P", "PA"):
        colors = np.reshape(image.getpalette("RGB") or [], (-1, 3)).astype(np.uint8)
        indices = np.asarray(image if image.mode == "P" else image.getchannel(0))
        missing = max(0, int(indices.max(initial=0)) + 1 - len(colors))
        return Picture(indices, np.concatenate([colors, np.zeros((missing, 3), np.uint8)]), altered=altered)
    if image.mode == "1":
        return Picture(np.asarray(image.convert("L")))
    if image.mode == "L" or image.mode == "F" or image.mode.startswith("I"):
        return Picture(np.asarray(image), lossy=lossy)
    pixels = np.asarray(image.convert("L" if image.mode in ("LA", "La") else "RGB"))
    return Picture(pixels, lossy=lossy, altered=altered)


def _read_tiff(path: str | os.PathLike[str]) -> Picture:
    """A TIFF of more than 8 bits per color, or of floating-point colors, which Pillow cuts or cannot open."""
    import tifffile

    with tifffile.TiffFile(path) as file:
        pages = [page for page in file.pages if page.shape == file.pages[0].shape]
        if len(pages) > 1:
            raise InputError(f"{path}: expected one picture, got {len(pages)} pages.")
        page: Any = pages[0]
        if page.photometric == tifffile.PHOTOMETRIC.PALETTE:
            raise InputError(f"{path}: expected a palette of 8 bits, got one of {page.bitspersample}.")
        if page.photometric == tifffile.PHOTOMETRIC.SEPARATED:
            raise InputError(
                f"{path}: expected CMYK of 8 bits, or other colors, got CMYK of {page.bitspersample} bits."
            )
        pixels, axes, altered = page.asarray(), page.axes, ""
        tag = page.tags.get("Orientation")
    orientation = _known_orientation(tag.value if tag else 1)
    if "S" in axes:
        pixels = np.moveaxis(pixels, axes.index("S"), -1)
        if page.extrasamples:
            altered = _check_transparency(pixels[..., : -len(page.extrasamples)], pixels[..., -1], path)
        pixels = pixels[..., :3] if pixels.shape[-1] > 2 else pixels[..., 0]
    if pixels.ndim not in (2, 3) or pixels.dtype.kind not in "uif":
        raise InputError(f"{path}: expected a gray or color picture, got the axes {axes} of type {pixels.dtype}.")
    if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE and pixels.dtype.kind == "u":
        pixels = np.array(2**page.bitspersample - 1, pixels.dtype) - pixels
    return Picture(_upright(pixels, orientation), altered=altered, orientation=orientation)


def _known_orientation(value: Any) -> int:
    """An EXIF orientation; of numbers that are none, which nothing heeds, 1."""
    return int(value) if value in range(1, 9) else 1


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    if orientation in TURNED:
        pixels = pixels.swapaxes(0, 1)
    rows = -1 if orientation in (3, 4, 7, 8) else 1
    columns = -1 if orientation in (2, 3, 6, 7) else 1
    return pixels[::rows, ::columns]
