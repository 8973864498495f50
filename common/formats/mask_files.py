"""Masks of one structure each, found by a pattern of their paths, as what an annotator drew on an image."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from glob import escape, iglob
from pathlib import Path

import numpy as np

from common.command import listed
from common.errors import InputError
from common.formats.dicom_files import is_dicom_picture
from common.formats.grid import image_grid, lay_voxels
from common.formats.segments import Segments, without_unlabeled
from common.io.formats import is_picture, read_header, read_stored, suffix_of
from common.io.label_values import stored_values, whole_numbers

__all__ = ["MaskFiles", "find_images", "find_masks", "read_masks"]

ANNOTATOR = "labels"  # of masks whose pattern names nobody: the folder of a data set's labels
PLACES = ("case", "structure", "annotator")
PLACE = re.compile(r"(\*+|\{[^{}/]*\})")


@dataclass
class MaskFiles:
    """The mask files of a data set.

    Attributes:
        files: paths by annotator and case, then by structure.
        strangers: files that are of no image.
        left_out: names of structures that were not asked for → number of files.
        lacking: names of structures that were asked for and have no file.
    """

    files: dict[tuple[str, str], dict[str, list[Path]]] = field(default_factory=dict)
    strangers: list[Path] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    lacking: list[str] = field(default_factory=list)

    @property
    def paths(self) -> list[Path]:
        """All files that are of an image."""
        return [path for by_name in self.files.values() for files in by_name.values() for path in files]

    @property
    def structures(self) -> list[str]:
        """Names of all structures, sorted."""
        return sorted({name for by_name in self.files.values() for name in by_name})

    def notes(self) -> list[str]:
        """What a user should know of how the files were taken.

        Returns:
            A sentence for each structure of which some images, or all, have no file, for each that has several files
            of one image, and for structures that were not asked for.
        """
        said = []
        for name in self.structures:
            counts = [len(by_name.get(name, ())) for by_name in self.files.values()]
            if missing := counts.count(0):
                said.append(f"{name}: {missing} of {len(counts)} labels have no file of it, and none of it.")
            if several := sum(count > 1 for count in counts):
                said.append(f"{name}: {several} of {len(counts)} labels have several files of it, which are joined.")
        said += [f"{name}, which --classes names: there is no file of it." for name in self.lacking]
        if self.left_out:
            names = ", ".join(f"{name} ({count})" for name, count in sorted(self.left_out.items()))
            said.append(f"Files of structures that --classes does not name are left out: {names}.")
        return said


def find_images(pattern: str, masks: str | Sequence[str]) -> dict[str, Path]:
    """The images whose paths fit a pattern, by case.

    Args:
        pattern: a path in which ``{case}`` is the case's name and ``*`` anything, each within one folder or file name.
        masks: patterns of `find_masks`; a file that fits one of them too is no image if that pattern has more letters
            of its own.

    Returns:
        Case → file, sorted by case.

    Raises:
        InputError: the pattern has no ``{case}`` or another name in braces, no image fits, or two of one case.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("a (1).png", "a (1)_mask.png", "a (1)_mask_1.png"):
        ...         Path(folder, name).touch()
        ...     found = find_images(f"{folder}/{{case}}.png", f"cyst={folder}/{{case}}_mask*.png")
        >>> {case: path.name for case, path in found.items()}
        {'a (1)': 'a (1).png'}
    """
    _check_places(pattern, "--images", ("case",))
    closer = [mask for _, mask in _patterns(masks) if _letters(mask) > _letters(pattern)]
    drawn = {path.resolve() for mask in closer for path, _ in _matches(mask)}
    found: dict[str, Path] = {}
    for path, match in _matches(pattern, dicom_pictures=True):
        if path.resolve() in drawn:
            continue
        case = match["case"]
        if case in found:
            raise InputError(f"--images: expected one image of the case {case}, got {found[case]} and {path}.")
        found[case] = path
    if not found:
        raise InputError(f"--images: expected images whose paths are like {pattern}, found none.")
    return dict(sorted(found.items()))


def find_masks(
    masks: str | Sequence[str], images: Mapping[str, Path], structures: Collection[str] | None = None
) -> MaskFiles:
    """The mask files whose paths fit patterns, by annotator, case and structure.

    Args:
        masks: patterns, each as it is or as ``STRUCTURE=PATTERN``: a path in which ``{case}``, ``{structure}`` and
            ``{annotator}`` are names and ``*`` is anything, each within one folder or file name. Files of the same
            annotator, case and structure belong together.
        images: case → image, which is no mask. Where a path can be read in several ways, the longest name of a case is
            taken.
        structures: names of those that are read; None reads all.

    Returns:
        The files; of a pattern without ``{annotator}`` those of ``labels``.

    Raises:
        InputError: a pattern has no ``{case}``, no structure, or another name in braces; or no file fits.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("a_1_left_lung.png", "a_1_heart.png"):
        ...         Path(folder, name).touch()
        ...     found = find_masks(f"{folder}/{{case}}_{{structure}}.png", {"a": Path("a.png"), "a_1": Path("a_1.png")})
        >>> {place: sorted(by_name) for place, by_name in found.files.items()}
        {('labels', 'a_1'): ['heart', 'left_lung']}
    """
    found, grouped = MaskFiles(), defaultdict[tuple[str, str], dict[str, list[Path]]](dict)
    pictures = {path.resolve() for path in images.values()}
    names = "|".join(re.escape(case) for case in sorted(images, key=len, reverse=True))
    for structure, pattern in _patterns(masks):
        of_known = _expression(pattern, names)
        for path, any_case in _matches(pattern):
            if path.resolve() in pictures:
                continue
            match = any_case if any_case["case"] in images else of_known.fullmatch(any_case.string)
            if match is None:
                found.strangers.append(path)
                continue
            given = match.groupdict()
            name = structure or given["structure"]
            if structures is not None and name not in structures:
                found.left_out[name] += 1
                continue
            files = grouped[given.get("annotator", ANNOTATOR), given["case"]].setdefault(name, [])
            if path not in files:
                files.append(path)
    found.files = dict(sorted(grouped.items()))
    found.lacking = [name for name in structures or () if name not in found.structures]
    if not found.files:
        least = f"; {found.strangers[0]} is of no image" if found.strangers else ""
        least = f"; there are {', '.join(sorted(found.left_out))}" if found.left_out else least
        wanted = f" of {', '.join(structures)}" if structures is not None else ""
        patterns = ", ".join(pattern for _, pattern in _patterns(masks))
        raise InputError(f"--masks: expected files{wanted} whose paths are like {patterns}, found none{least}.")
    return found


def read_masks(found: MaskFiles, images: Mapping[str, Path], problems: list[str]) -> Iterator[Segments]:
    """What each annotator drew on each image, by the mask files of its structures.

    Args:
        found: of `find_masks`.
        images: case → its image, a file or the folder of a DICOM series.
        problems: gets a sentence for each label of which a file cannot be used; it is left out as a whole, since it
            would look complete without that structure.

    Yields:
        The segments of a case and an annotator: the union of the files of each structure.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     files = [Path(folder, name) for name in ("a.png", "a_mask.png", "a_mask_1.png")]
        ...     for path, left in zip(files, (0, 1, 3)):
        ...         Image.fromarray(np.uint8(255 * (np.arange(12).reshape(3, 4) == left))).save(path)
        ...     found = MaskFiles({("labels", "a"): {"cyst": files[1:]}})
        ...     drawn = next(read_masks(found, {"a": files[0]}, []))
        >>> drawn.masks["cyst"].astype(int).tolist()
        [[0, 1, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0]]
    """
    for (annotator, case), by_name in found.files.items():
        try:
            masks = {
                name: np.logical_or.reduce([_mask(path, images[case]) for path in files])
                for name, files in by_name.items()
            }
        except InputError as error:
            problems.append(f"{error} The label of {case} is left out.")
            continue
        yield without_unlabeled(Segments(case, annotator, masks))


def _mask(path: Path, image: Path) -> np.ndarray:
    """(H, W) or (X, Y, Z) of bool on the image's grid: what is not 0; of JPEG, what is above half of its range."""
    stored = read_stored(path)
    if stored.picture is not None and stored.picture.lossy:
        inside = stored.array.max(0) > np.iinfo(stored.array.dtype).max // 2
    else:
        inside = _inside(whole_numbers(stored_values(stored)[1], path), path)
    if not is_picture(path) and not (image.is_file() and is_picture(image)):
        return lay_voxels(inside, stored.affine, image_grid(image), f"{path}: expected the voxels of {image}")
    expected = tuple(read_header(image).shape) if image.is_file() else ()
    if inside.shape != expected:
        raise InputError(f"{path}: expected the size {expected or 'of a volume'} of {image}, got {inside.shape}.")
    return inside.T


def _inside(values: np.ndarray, path: Path) -> np.ndarray:
    """Where values (C, *spatial) are not 0, of which there is one other at most."""
    inside = (values != 0).any(0)
    drawn = values[:, inside]
    if drawn.size and (drawn != drawn[:, :1]).any():
        others = np.unique(drawn, axis=1).T[:3]
        shown = ", ".join("/".join(f"{value:g}" for value in other.tolist()) for other in others)
        raise InputError(f"{path}: expected the mask of one structure, 0 and one other value, got {shown}, ….")
    return inside


def _patterns(masks: str | Sequence[str]) -> list[tuple[str, str]]:
    """(structure or empty, pattern) of each entry."""
    found = []
    for text in listed(masks):
        name, given, pattern = text.partition("=")
        if not given or "{" in name or os.sep in name:
            name, pattern = "", text
        _check_places(pattern, "--masks", PLACES)
        if not name and "{structure}" not in pattern:
            raise InputError(f"--masks: expected STRUCTURE=PATTERN, or {{structure}} in the pattern, got {text}.")
        if name and "{structure}" in pattern:
            raise InputError(f"--masks: expected one name of the structure, got {name} and {{structure}} in {text}.")
        found.append((name.strip(), pattern))
    return found


def _check_places(pattern: str, option: str, places: Sequence[str]) -> None:
    known = [f"{{{place}}}" for place in places]
    for part in PLACE.findall(pattern):
        if part.startswith("{") and part not in known:
            raise InputError(f"{option}: expected {', '.join(known)} in the pattern, got {part} in {pattern}.")
    if "{case}" not in pattern:
        raise InputError(f"{option}: expected {{case}} in the pattern, where the case's name is, got {pattern}.")


def _expression(pattern: str, cases: str = r"[^/]+") -> re.Pattern[str]:
    """The regular expression of a pattern, by which a case's name is as long as can be; named again it is the same."""
    parts, seen = [], set()
    for part in PLACE.split(os.path.expanduser(pattern)):
        name = part.strip("{}")
        if part.startswith("*"):
            parts.append(r"[^/]*?")
        elif part.startswith("{") and name in seen:
            parts.append(f"(?P={name})")
        elif part.startswith("{"):
            parts.append(f"(?P<{name}>{cases if name == 'case' else r'[^/]+?'})")
            seen.add(name)
        else:
            parts.append(re.escape(part))
    return re.compile("".join(parts))


def _letters(pattern: str) -> int:
    """How much of a pattern is written out."""
    return len(PLACE.sub("", os.path.abspath(os.path.expanduser(pattern))))


def _matches(pattern: str, dicom_pictures: bool = False) -> Iterator[tuple[Path, re.Match[str]]]:
    """Image files, hidden ones excepted, whose paths fit, sorted."""
    parts, expression = PLACE.split(os.path.expanduser(pattern)), _expression(pattern)
    for name in sorted(iglob("".join("*" if PLACE.fullmatch(part) else escape(part) for part in parts))):
        match = expression.fullmatch(name)
        if match and os.path.isfile(name) and (suffix_of(name) or (dicom_pictures and is_dicom_picture(name))):
            yield Path(name), match
