"""Dice-optimal masks from probability maps of any method, without training.

Each map gets its own threshold, the one that maximizes the Dice to expect (Nordström et al., *Marginal Thresholding in
Noisy Image Segmentation*, eq. 12, 15). A map of several classes gives one class map.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from monai.data import MetaTensor
from tqdm import tqdm

from common.command import listed, run_command
from common.datasets.given import names_of
from common.datasets.listing import files_below
from common.decision import Decision, decide
from common.errors import InputError, counted
from common.io.checks import geometry_finding
from common.io.files import write_csv
from common.io.formats import ITK_SUFFIXES, NIBABEL_SUFFIXES, is_picture, read_stored, suffix_of, to_tensor
from common.io.label_values import is_segmentation
from common.io.orientation import reoriented
from common.io.rounding import rounded
from common.io.writers import save_like, voxel_mm3

FORMATS = (*NIBABEL_SUFFIXES, *ITK_SUFFIXES, ".png", ".tif", ".tiff")  # JPEG and GIF lose values
IN_PICTURES = {"volume_mm3": "pixels", "volume_at_half_mm3": "pixels_at_half"}
OF_A_CLASS = "_probability_"  # and the name of a class, where each class has a file of its own
BACKGROUND = "background"
MAPS = ("_probabilities", "_probability", "_marginal")  # how the bundles' names of maps end after the case's name
NO_MAPS = ("_mask", "_instances", "_entropy")  # what the bundles write beside their maps


class _Map(NamedTuple):
    """The file of a case, or those of its classes; ``rest``: the probability of the background is what they leave."""

    paths: tuple[Path, ...]
    rest: bool = False


def dice_optimal_rows(
    probabilities: torch.Tensor, voxel_volume_mm3: float, overlapping: bool = False
) -> tuple[torch.Tensor, list[dict[str, Any]]]:
    """The Dice-optimal segmentation of one image and what to report of it, see `common.decision.decide`.

    Args:
        probabilities: ``(C, *spatial)`` of a whole image: of one class, or of several, background first.
        voxel_volume_mm3: volume of a voxel.
        overlapping: channels are structures of their own, without a background, which may overlap.

    Returns:
        The class map ``(1, *spatial)`` uint8, or with ``overlapping`` C masks; and for each class but the background
        ``class`` (from 1), ``threshold``, ``expected_dice``, ``volume_mm3`` and ``volume_at_half_mm3`` (by the rule
        ``half``). An empty map has an empty mask, threshold 0.5 and expected Dice 1.

    Raises:
        InputError: if the values are no probabilities, or several channels are not those of classes.

    Example:
        >>> dice_optimal_rows(torch.tensor([[0.9, 0.45, 0.1]]), voxel_volume_mm3=2.0)[1][0]["volume_mm3"]
        4.0
    """
    images = probabilities[:, None] if overlapping else probabilities[None]  # structures as images of one channel
    optimal, half = decide(images), decide(images, "half")
    rows: list[dict[str, Any]] = []
    for image, k in [(image, k) for image in range(len(images)) for k in range(optimal.threshold.shape[1])]:
        row = {"class": image + k + 1, "threshold": float(optimal.threshold[image, k])}
        row["expected_dice"] = float(optimal.expected_dice[image, k])
        row |= {name: round(value, 6) for name, value in row.items() if name != "class"}
        for name, found in (("volume_mm3", optimal), ("volume_at_half_mm3", half)):
            row[name] = rounded(_count(found, image, k) * voxel_volume_mm3, 3)
        rows.append(row)
    return optimal.class_map[:, 0], rows


def _count(found: Decision, image: int, k: int) -> int:
    return int((found.class_map[image] == k + 1).sum())


def threshold(
    probabilities: str | Sequence[str],
    output: str,
    overlapping: bool = False,
    class_names: str | Sequence[str] = (),
) -> None:
    """Writes the mask with the highest expected Dice for each probability map.

    Masks, ``CASE_mask``, have the format and grid of their map. ``summary.csv`` has a row for each case and class, with
    its name in ``class_names``, or else its number, the threshold, the expected Dice, and the volumes in mm³ at this
    threshold and at one half, of pictures in pixels. A map of several classes gives one class map, also where each
    class has a file of its own, ``CASE_probability_CLASS``. A map ``x`` in a subfolder ``s`` of a folder is the case
    ``s/x``, whose mask goes into the subfolder ``s`` of ``output``. Maps that cannot be used are reported at the end;
    all others are processed.

    Args:
        probabilities: maps in NIfTI, MGH, NRRD, MetaImage, PNG or TIFF: files, folders of them with their subfolders,
            or both. They are in 2-D or 3-D, with values from 0 to 1; in pictures of whole numbers, the highest that the
            file can hold is 1. Several classes are along the fourth dimension, background first, and sum to 1 in every
            voxel, or the background is what the largest of the others leaves, as soft_label_apl writes it. Or each has
            a file of its own, ``CASE_probability_CLASS``; without one of the background, its probability is the rest.
            What the bundles write beside their maps, ``CASE_mask``, ``CASE_instances`` and ``CASE_entropy``, is left
            out of a folder.
        output: folder of the masks, ``CASE_mask``, and of ``summary.csv``. The case of a map is its file's name without
            ``_probabilities``, ``_probability`` or ``_marginal`` at its end.
        overlapping: the fourth dimension holds structures that may overlap, without a background; the result has a mask
            for each of them along the fourth dimension, and files ``CASE_probability_CLASS`` have a mask each.
        class_names: names of the classes, background first, in the order of their numbers in the class map. They are
            needed where several classes have files of their own, ``CASE_probability_CLASS``; a map of another number of
            classes cannot be used; one of the foreground alone has two.

    Raises:
        InputError: if there is no map or no such folder, two have one name, ``output`` holds them, the files of a case
            are not those of ``class_names``, these are given with ``overlapping``, or some could not be used.

    Example:
        A folder of maps, the maps of three folds, and structures that may overlap:

            python -m common.threshold --probabilities maps/ --output masks/
            python -m common.threshold --probabilities fold_0/ fold_1/ fold_2/ --output masks/
            python -m common.threshold --probabilities organs.nii.gz --output masks/ --overlapping true
            python -m common.threshold --probabilities maps/ --output masks/ --class_names rest,liver
    """
    folder = Path(str(output))
    names = names_of("class_names", listed(class_names)) if class_names else []
    if names and overlapping:
        raise InputError(
            f"class_names: expected none with --overlapping true, where each structure has a mask of its own, got "
            f"{', '.join(names)}."
        )
    found: dict[str, Path] = {}
    for case, path in _maps(probabilities, folder):
        if case in found:
            raise InputError(
                f"{path}: expected one map named {case}, got {found[case]} too; their masks would collide."
            )
        found[case] = path
    maps = {case: _Map((path,)) for case, path in found.items()} if overlapping else _by_case(found, names)

    rows: list[dict[str, Any]] = []
    unusable: list[str] = []
    for case, source in tqdm(maps.items(), desc="thresholding", unit="map", disable=None):
        path = source.paths[0]
        try:
            probability = _read(source)
            if names and max(len(probability), 2) != len(names):  # one map: of the foreground
                raise InputError(f"expected the {len(names)} classes of --class_names, got {len(probability)}")
            mask, classes = dice_optimal_rows(probability, voxel_mm3(path), overlapping)
        except Exception as error:  # decoders of damaged files raise whatever they meet
            reason = " ".join(str(error).split()).rstrip(".")
            if "sum to 1" in reason:
                reason += "; structures that may overlap need --overlapping True"
            unusable.append(f"{path} ({reason})")
            continue
        array = (mask.movedim(0, -1) if len(mask) > 1 else mask[0]).numpy()
        save_like(path, array, folder / f"{case}_mask", max(2, len(probability)))
        if is_picture(path):
            counts = [{new: int(found[old]) for old, new in IN_PICTURES.items()} for found in classes]
            others = [{key: value for key, value in found.items() if key not in IN_PICTURES} for found in classes]
            classes = [{**other, **count} for other, count in zip(others, counts, strict=True)]
        if names:
            classes = [{**found, "class": names[found["class"]]} for found in classes]
        rows += [{"case": case, **found} for found in classes]
        tqdm.write(f"{case}: threshold {', '.join(str(found['threshold']) for found in classes)}")
    if rows:
        write_csv(folder / "summary.csv", rows)
    if unusable:
        raise InputError(f"{len(unusable)} of {len(maps)} maps could not be used: {'; '.join(unusable)}.")


def _maps(probabilities: str | Sequence[str], output: Path) -> Iterator[tuple[str, Path]]:
    """Case and path of the files that ``probabilities`` names, and of those in the folders that it names."""
    target, sources = output.resolve(), [Path(source) for source in listed(probabilities)]
    for source in sources:
        root, files = source.parent, {source.name: source}
        if source.is_dir():
            root, below = source, files_below(source, skip=sources)
            images = {name: path for name, path in below.items() if suffix_of(name) in FORMATS}
            segmented = {name for name, path in images.items() if is_segmentation(path)}
            files = {
                name: path
                for name, path in images.items()
                if name not in segmented and not _stem(name).endswith(NO_MAPS)
            }
            if len(files) < len(images):
                left_out = counted(len(images) - len(files), "file")
                which = f"whose names end with {', '.join(NO_MAPS)}" + " or which 3D Slicer segmented" * bool(segmented)
                tqdm.write(f"{source}: {left_out} left out, {which}.")
            if not files:
                raise InputError(
                    f"{source}: expected probability maps in {', '.join(FORMATS)}, got none in the folder."
                )
        elif source.is_file() and is_segmentation(source):
            raise InputError(f"{source}: expected a probability map, got a segmentation of 3D Slicer.")
        elif not suffix_of(source) and not source.exists():
            raise InputError(f"{source} is no folder: expected one that holds probability maps, or a map.")
        within = target.is_relative_to(root.resolve())
        for name, path in files.items():
            if within and path.parent.resolve().is_relative_to(target):
                raise InputError(f"output: expected another folder than that of {path}, got {output}.")
            yield _case(name), path


def _case(name: str) -> str:
    """The case of a map's file: its name, without what the bundles add to that of the image."""
    stem = _stem(name)
    if _case_and_class(stem)[1]:  # it is the map of a class, whatever the class is called
        return stem
    case = next((stem.removesuffix(end) for end in MAPS if stem.endswith(end)), stem)
    return case if case and not case.endswith("/") else stem


def _stem(name: str) -> str:
    return name[: len(name) - len(suffix_of(name))]


def _case_and_class(name: str) -> tuple[str, str]:
    """Both parts of ``CASE_probability_CLASS``; of another name all of it, and no class."""
    place, slash, file = name.rpartition("/")
    case, _, label = file.partition(OF_A_CLASS)
    return (place + slash + case, label) if case and label else (name, "")


def _by_case(found: Mapping[str, Path], class_names: Sequence[str]) -> dict[str, _Map]:
    """The map of each case, or the maps of its classes."""
    parts: dict[str, dict[str, Path]] = {}
    for name, path in found.items():
        case, label = _case_and_class(name)
        if label:
            parts.setdefault(case, {})[label] = path
    joined = {case: classes for case, classes in parts.items() if len(classes) > 1}
    maps: dict[str, _Map] = {}
    for name, path in found.items():
        case, label = _case_and_class(name)
        if joined.get(case, {}).get(label) is not path:
            case, source = name, _Map((path,))
        else:
            source = _in_order(case, joined[case], class_names)
        if source != maps.setdefault(case, source):
            other = maps[case].paths[0]
            raise InputError(f"{path}: expected one map of {case}, got {other} too; their masks would collide.")
    return maps


def _in_order(case: str, classes: Mapping[str, Path], class_names: Sequence[str]) -> _Map:
    if not class_names and len(classes) == 2 and BACKGROUND in classes:  # no other order is possible
        class_names = sorted(classes, key=lambda name: name != BACKGROUND)
    if set(classes) not in (set(class_names), set(class_names[1:])):
        raise InputError(
            f"{case}: expected --class_names, background first, which gives the order of its maps "
            f"{', '.join(sorted(classes))}, got {', '.join(class_names) or 'none'}; with --overlapping true each of "
            "them has a mask of its own."
        )
    paths = tuple(classes[name] for name in class_names if name in classes)
    return _Map(paths, len(paths) < len(class_names))


def _read(source: _Map) -> torch.Tensor:
    """The map as ``(C, *spatial)`` float32."""
    first = source.paths[0]
    if suffix_of(first) not in FORMATS:
        raise InputError(f"expected a map in one of the formats {', '.join(FORMATS)}")
    if len(source.paths) == 1:
        return _read_one(first).as_tensor()
    maps: list[MetaTensor] = []
    for path in source.paths:
        maps.append(_read_one(path))
        if len(maps[-1]) > 1:
            raise InputError(f"{path.name}: expected the map of one class, got {len(maps[-1])} channels")
        maps[-1] = reoriented(maps[-1], maps[0])
        finding = geometry_finding(maps[0], maps[-1])
        if finding is not None and finding.unusable:
            raise InputError(f"{path.name}: {finding.message.replace('the image', first.name)}")
    joined = torch.cat([one.as_tensor() for one in maps])
    total = joined.sum(0, keepdim=True).clamp(min=1)
    if source.rest and is_picture(first) and total.max() <= 1 + len(maps) / 255:  # each class was rounded by itself
        joined = joined / total
    return torch.cat([(1 - joined.sum(0, keepdim=True)).clamp(min=0), joined]) if source.rest else joined


def _read_one(path: Path) -> MetaTensor:
    """The map of a file; of whole numbers in a picture the highest that it can hold is 1."""
    stored = read_stored(path)
    image = to_tensor(stored, path)
    if is_picture(path):
        if len(image) > 1:
            raise InputError(f"{path.name}: expected gray values, got {len(image)} channels")
        if stored.array.dtype.kind == "u":
            image.div_(np.iinfo(stored.array.dtype).max)
    return image


if __name__ == "__main__":
    run_command(threshold)
