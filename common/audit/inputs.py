"""Labels and probability maps of the same cases, found by name and read on one grid."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import torch

from common.audit.kinds import PICTURE_DIRECTIONS
from common.datasets.listing import files_below
from common.errors import InputError, shown_names
from common.io.checks import geometry_finding
from common.io.formats import is_picture, read_image, read_stored, suffix_of
from common.io.label_meaning import LabelMeaning, read_label
from common.io.orientation import reoriented

__all__ = [
    "ARRAY_SUFFIXES",
    "LoadedCase",
    "case_files",
    "length_unit",
    "load_case",
    "probability_files",
    "read_probabilities",
]

ARRAY_SUFFIXES = (".npz", ".npy")
ENDINGS = ("_probabilities", "_probability", "_marginal", "_prob")  # of maps, the most explicit first
OF_A_CLASS = "_probability_"  # and the name of a class, where each class has a map of its own
KEYS = ("probabilities", "softmax")  # nnU-Net v2's, and v1's
WORDS = {"L": ("right", "left"), "R": ("left", "right"), "P": ("front", "back"), "A": ("back", "front")}
WORDS |= {"I": ("up", "down"), "S": ("down", "up")}
TOLERANCE = 0.02  # of the sum of probabilities: half precision, and PNG of 8 bits


@dataclass(frozen=True)
class LoadedCase:
    """A case on one grid.

    Attributes:
        label: ``(*spatial)`` int16, −1 where not labeled.
        probabilities: ``(C, *spatial)`` float32.
        spacing: voxel size along each axis in mm; 1 of pictures.
        affine: (4, 4) of the label.
        directions: the words for lower and higher indices along each axis.
        picture: the label is a picture, its unit the pixel.
    """

    label: np.ndarray
    probabilities: np.ndarray
    spacing: tuple[float, ...]
    affine: np.ndarray
    directions: tuple[tuple[str, str], ...]
    picture: bool


def length_unit(pictures: bool) -> str:
    """What a length is measured in: a picture has no mm, its pixels count as 1.

    Args:
        pictures: whether all images are pictures.

    Returns:
        ``pixels`` or ``mm``.

    Example:
        >>> length_unit(True)
        'pixels'
    """
    return "pixels" if pictures else "mm"


def case_files(folder: Path, skip: Iterable[Path] = ()) -> dict[str, Path]:
    """The label or image files of a folder by case name; hidden ones left out.

    Args:
        folder: searched with its subfolders; a file ``b`` in the subfolder ``a`` is the case ``a/b``.
        skip: folders below it that hold no labels.

    Returns:
        Path by case, sorted by name.

    Raises:
        InputError: there is no folder, none of its files is an image, or two have one name.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder: expected one that holds label files.")
    found: dict[str, Path] = {}
    for name, path in files_below(folder, skip).items():
        suffix = suffix_of(name)
        if not suffix or suffix == ".img":  # which belongs to its .hdr
            continue
        case = name[: -len(suffix)]
        if case in found:
            raise InputError(f"{folder} holds two files of the case {case}, {found[case].name} and {path.name}.")
        found[case] = path
    if not found:
        raise InputError(f"{folder}: expected label files (NIfTI, PNG or another image format), got none.")
    return found


def probability_files(
    cases: Sequence[str], folders: Sequence[Path], class_names: Sequence[str] = ()
) -> dict[str, tuple[Path, ...]]:
    """The probability map of each case, in the first folder that has one.

    A map is ``CASE.npz`` or ``CASE.npy``, or an image named ``CASE_probabilities``, ``CASE_probability``,
    ``CASE_marginal`` or ``CASE_prob``, or ``CASE_probability_<class>`` for each class, with or without the background,
    as the bundles write them, or just ``CASE``, in this order; nnU-Net writes masks ``CASE.nii.gz`` beside its
    ``CASE.npz``.

    Args:
        cases: names.
        folders: of the maps, such as one for each fold; those of a case ``a/b`` lie in its subfolder ``a``.
        class_names: background first: the order of a case's maps, where there are several.

    Returns:
        Path by case, or the paths of its classes but the background; cases without a map are left out.

    Raises:
        InputError: a folder does not exist, no case has a map, or the maps of a case are not those of ``class_names``.
    """
    listed: dict[str, Path] = {}
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"{folder} is no folder: expected one that holds probability maps.")
        for name, path in files_below(folder).items():
            suffix = path.suffix.lower() if path.suffix.lower() in ARRAY_SUFFIXES else suffix_of(path)
            if suffix:
                listed.setdefault(name[: -len(suffix)] + (suffix if suffix in ARRAY_SUFFIXES else ""), path)
    found: dict[str, tuple[Path, ...]] = {}
    for case in cases:
        names = [case + ending for ending in (*ARRAY_SUFFIXES, *ENDINGS)]
        explicit = tuple(listed[name] for name in names if name in listed)[:1]
        chosen = explicit or _of_classes(case, listed, class_names) or ((listed[case],) if case in listed else ())
        if chosen:
            found[case] = chosen
    if not found:
        places = ", ".join(map(str, folders))
        raise InputError(
            f"{places}: expected probability maps of the cases {shown_names(list(cases))}, got none of these names."
        )
    return found


def _of_classes(case: str, listed: Mapping[str, Path], class_names: Sequence[str]) -> tuple[Path, ...]:
    """The maps of a case's classes but the background: one as it is, several in the order of their names."""
    start = case + OF_A_CLASS
    parts = {name[len(start) :]: path for name, path in listed.items() if name.startswith(start)}
    if class_names and len(parts) == len(class_names):  # the rest of the others, and left out by some bundles
        parts.pop(class_names[0], None)
    if len(parts) < 2:
        return tuple(parts.values())
    wanted = list(class_names[1:])
    if set(wanted) != set(parts):
        raise InputError(
            f"{case}: expected --class_names, background first, which gives the order of its maps "
            f"{', '.join(sorted(parts))}, got {', '.join(class_names) or 'none'}."
        )
    return tuple(parts[name] for name in wanted)


def load_case(
    label_path: Path, meaning: LabelMeaning, map_path: Path | Sequence[Path], axes: str = "zyx"
) -> LoadedCase:
    """A case's label and probabilities on the grid of the label.

    Args:
        label_path: of the label.
        meaning: of its values.
        map_path: of the probabilities, or one for each class but the background, see `read_probabilities`.
        axes: of arrays, ``zyx`` or ``xyz``.

    Returns:
        The case.

    Raises:
        InputError: a file cannot be read, the two are not on one grid, or the label has a class that the map lacks.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     label, maps = Path(folder, "a.png"), Path(folder, "a.npy")
        ...     Image.new("L", (4, 3), 255).save(label)
        ...     np.save(maps, np.full((3, 4), 0.75))
        ...     case = load_case(label, LabelMeaning({0: 0, 255: 1}), maps)
        >>> case.label.shape, case.probabilities[:, 0, 0].tolist()
        ((4, 3), [0.25, 0.75])
    """
    read = read_label(label_path, meaning)
    label = read[0].numpy().astype(np.int16)
    if label.ndim == 3 and label.shape[2] == 1 and is_picture(label_path):
        label = label[..., 0]
    affine = np.asarray(read.affine, dtype=float)
    probabilities = read_probabilities(map_path, label.shape, axes, read)
    if int(label.max(initial=0)) >= len(probabilities):
        raise InputError(
            f"{map_path if isinstance(map_path, Path) else map_path[0]}: expected probabilities of at least "
            f"{int(label.max()) + 1} classes, background included, as {label_path} has them, got {len(probabilities)}."
        )
    picture = is_picture(label_path)
    if picture:
        return LoadedCase(label, probabilities, (1.0,) * label.ndim, affine, PICTURE_DIRECTIONS, True)
    spacing = tuple(float(size) for size in np.linalg.norm(affine[:3, :3], axis=0)[: label.ndim])
    codes = nib.aff2axcodes(affine)[: label.ndim]
    directions = tuple(WORDS.get(code, (f"axis {axis} −", f"axis {axis} +")) for axis, code in enumerate(codes))
    return LoadedCase(label, probabilities, spacing, affine, directions, False)


def read_probabilities(
    path: Path | Sequence[Path], shape: Sequence[int], axes: str = "zyx", label: torch.Tensor | None = None
) -> np.ndarray:
    """The probability map of a file, or of one for each class but the background.

    Its classes come first, the other axes in the order of the label's.

    - **.npz**: the key ``probabilities`` (nnU-Net v2) or ``softmax`` (v1), or the only array. nnU-Net reads NIfTI by
      SimpleITK, whose arrays are (z, y, x), the reverse of NIfTI's and nibabel's order: a map (classes, z, y, x) is
      turned to (classes, x, y, z). Of pictures it is (classes, 1, H, W).
    - **.npy**: (classes, \\*spatial) or, of two classes, the foreground's (\\*spatial), with the same order of axes.
    - **images**: the fourth axis of a volume holds the classes; one channel is the foreground's probability, also a PNG
      of 8 or 16 bits, in which the largest number is 1.

    Args:
        path: of the file or files.
        shape: of the label, (x, y, z) as nibabel has it, or (W, H) of a picture.
        axes: of arrays: ``zyx`` as above, or ``xyz`` for the order of nibabel. Images have their own.
        label: (1, *spatial) on whose grid a volume must lie (`geometry_finding`).

    Returns:
        float32 ``(C, *shape)`` that sums to 1.

    Raises:
        InputError: the file cannot be read, has another shape or position, or its values are no probabilities.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "a.npz")
        ...     np.savez(path, probabilities=np.full((2, 5, 4, 3), 0.5))  # (classes, z, y, x), as nnU-Net writes it
        ...     read_probabilities(path, shape=(3, 4, 5)).shape
        (2, 3, 4, 5)
    """
    if not isinstance(path, Path):
        if len(path) > 1:
            foreground = np.stack([read_probabilities(one, shape, axes, label)[1] for one in path])
            total = foreground.sum(0)
            if float(total.max(initial=0)) > 1 + TOLERANCE:
                raise InputError(
                    f"{path[0]}: expected maps of {len(path)} classes that sum to 1 at most, got {total.max():.3g}."
                )
            maps = np.concatenate([np.clip(1 - total, 0, None)[None], foreground])
            return maps / maps.sum(0)
        path = path[0]
    if path.suffix.lower() in ARRAY_SUFFIXES:
        maps = _ordered(_array(path), shape, axes, path)
    elif is_picture(path):
        maps = _of_picture(path)
    else:
        image = read_image(path)
        image = image if label is None else reoriented(image, label)
        maps = image.as_subclass(torch.Tensor).numpy()
        finding = geometry_finding(label, image) if label is not None and image.shape[1:] == label.shape[1:] else None
        if finding is not None and finding.unusable:
            raise InputError(f"{path}: {finding.message.replace('the image', 'the label')}.")
    if maps.ndim == len(shape) + 2 and maps.shape[-1] == 1:
        maps = maps[..., 0]
    if maps.shape[1:] != tuple(shape):
        raise InputError(f"{path}: expected the size {tuple(shape)} of the label, got {maps.shape[1:]}.")
    maps = maps.astype(np.float32, copy=False)
    if count := int(np.isnan(maps).sum()):
        raise InputError(f"{path}: expected probabilities from 0 to 1, got {count} of {maps.size} that are NaN.")
    if maps.min() < -1e-3 or maps.max() > 1 + 1e-3:
        raise InputError(
            f"{path}: expected probabilities from 0 to 1, got values from {maps.min():g} to {maps.max():g}."
        )
    maps = np.clip(maps, 0.0, 1.0, out=maps if maps.flags.writeable else None)
    if len(maps) == 1:
        return np.concatenate([1 - maps, maps])
    total = maps.sum(0)
    if float(np.abs(total - 1).max()) > TOLERANCE:
        raise InputError(
            f"{path}: expected probabilities of {len(maps)} classes that sum to 1 in every voxel, got sums from "
            f"{total.min():.3g} to {total.max():.3g}."
        )
    maps /= total
    return maps


def _array(path: Path) -> np.ndarray:
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            key = next((key for key in KEYS if key in loaded), loaded.files[0] if len(loaded.files) == 1 else None)
            if key is None:
                raise InputError(f"{path}: expected an array named probabilities, got {', '.join(loaded.files)}.")
            return loaded[key]
    except InputError:
        raise
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        said = " ".join(str(error).split()).rstrip(".")
        raise InputError(f"{path} cannot be read as a NumPy array: {said}.") from error


def _ordered(array: np.ndarray, shape: Sequence[int], axes: str, path: Path) -> np.ndarray:
    if array.dtype.kind not in "fiu":
        raise InputError(f"{path}: expected numbers, got {array.dtype}.")
    axes_of_space = len(shape)
    if array.ndim == axes_of_space + 2 and array.shape[1] == 1:  # nnU-Net's pictures: (classes, 1, H, W)
        array = array[:, 0]
    if array.ndim == axes_of_space:
        array = array[None]
    if array.ndim != axes_of_space + 1:
        raise InputError(f"{path}: expected {axes_of_space} axes and one of classes, got the shape {array.shape}.")
    wanted = tuple(shape) if axes == "xyz" else tuple(reversed(shape))
    if array.shape[1:] != wanted:
        other = (
            ""
            if array.shape[1:] != tuple(reversed(wanted))
            else (f"; --axes {'zyx' if axes == 'xyz' else 'xyz'} reads them in the other order")
        )
        raise InputError(
            f"{path}: expected (classes, {', '.join(map(str, wanted))}) with --axes {axes}, got the shape "
            f"{array.shape}{other}."
        )
    return array if axes == "xyz" else array.transpose(0, *range(axes_of_space, 0, -1))


def _of_picture(path: Path) -> np.ndarray:
    stored = read_stored(path).array
    if len(stored) != 1 or stored.dtype.kind not in "uif":
        raise InputError(f"{path}: expected the gray picture of one probability, got {len(stored)} channels.")
    if stored.dtype.kind == "f":
        return stored
    most = 255 if stored.dtype == np.uint8 else 65535
    return (stored / most).astype(np.float32)
