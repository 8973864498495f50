"""Dice-optimal masks from probability maps of any method, without training.

    python -m common.threshold --probabilities maps --output masks

Each map gets its own threshold, the one that maximises the Dice to expect (Nordström et al., *Marginal Thresholding in
Noisy Image Segmentation*, eq. 12, 15).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import fire
import torch

from common.decision import accuracy_optimal_segmentation, apply_threshold, dice_optimal_threshold
from common.errors import InputError, show_input_errors
from common.io.files import write_csv
from common.io.formats import ITK_SUFFIXES, NIBABEL_SUFFIXES, is_picture, read_image, suffix_of
from common.io.writers import save_like, voxel_mm3

VOLUMES = (*NIBABEL_SUFFIXES, *ITK_SUFFIXES)


def dice_optimal_rows(marginal: torch.Tensor, voxel_volume_mm3: float) -> tuple[torch.Tensor, list[dict[str, Any]]]:
    """The Dice-optimal mask of one image and what to report of it.

    Args:
        marginal: ``(C, *spatial)`` probabilities of a whole image.
        voxel_volume_mm3: volume of a voxel.

    Returns:
        The mask, 0 and 1 as ``marginal``, and for each channel ``channel`` (from 0), ``threshold``, ``expected_dice``,
        ``volume_mm3`` (of the mask) and ``volume_at_half_mm3`` (of {m > 1/2}). An empty map has an empty mask,
        threshold 0.5 and expected Dice 1.

    Raises:
        InputError: if the values are no probabilities.

    Example:
        >>> dice_optimal_rows(torch.tensor([[0.9, 0.45, 0.1]]), voxel_volume_mm3=2.0)[1][0]["volume_mm3"]
        4.0
    """
    threshold, expected_dice = dice_optimal_threshold(marginal[None])
    mask = apply_threshold(marginal[None], threshold)[0]
    half = accuracy_optimal_segmentation(marginal[None])[0]
    rows = [
        {
            "channel": channel,
            "threshold": round(float(threshold[0, channel]), 6),
            "expected_dice": round(float(expected_dice[0, channel]), 6),
            "volume_mm3": round(int(mask[channel].count_nonzero()) * voxel_volume_mm3, 3),
            "volume_at_half_mm3": round(int(half[channel].count_nonzero()) * voxel_volume_mm3, 3),
        }
        for channel in range(len(marginal))
    ]
    return mask, rows


def threshold(probabilities: str | Sequence[str], output: str) -> None:
    """Writes ``<case>_mask.nii.gz`` for each probability map, and ``summary.csv`` with a row per case and channel.

    Masks have format and geometry of their map. Maps that cannot be used are named at the end (exit code 1); all others
    are processed.

    Args:
        probabilities: a NIfTI, MGH, NRRD or MetaImage file, a folder of them, or several of either, separated by
            commas: probabilities from 0 to 1, 2-D or 3-D, with one channel per class in the fourth dimension if there
            are several.
        output: folder of the masks and of ``summary.csv``.

    Raises:
        InputError: if there is no map, two have one name, ``output`` is their folder, or some could not be used.
    """
    folder = Path(str(output))
    maps: dict[str, Path] = {}
    for path in _maps(probabilities):
        case = path.name.removesuffix(path.name[len(path.name) - len(suffix_of(path)) :])
        if case in maps:
            raise InputError(f"{path}: expected one map named {case}, got {maps[case]} too; their masks would collide.")
        if path.parent.resolve() == folder.resolve():
            raise InputError(f"output: expected another folder than that of {path}, got {folder}.")
        maps[case] = path

    rows: list[dict[str, Any]] = []
    unusable: list[str] = []
    for case, path in maps.items():
        try:
            mask, channels = dice_optimal_rows(_read(path), voxel_mm3(path))
        except Exception as error:  # decoders of damaged files raise whatever they meet
            unusable.append(f"{path} ({' '.join(str(error).split()).rstrip('.')})")
            continue
        array = (mask.movedim(0, -1) if len(mask) > 1 else mask[0]).to(torch.uint8).numpy()
        save_like(path, array, folder / f"{case}_mask")
        rows += [{"case": case, **channel} for channel in channels]
        print(f"{case}: threshold {', '.join(str(channel['threshold']) for channel in channels)}")
    if rows:
        write_csv(folder / "summary.csv", rows)
    if unusable:
        raise InputError(f"{len(unusable)} of {len(maps)} maps could not be used: {'; '.join(unusable)}.")


def _maps(probabilities: str | Sequence[str]) -> Iterator[Path]:
    """The files that ``probabilities`` names, and those in the folders that it names."""
    if not isinstance(probabilities, list | tuple):
        text = str(probabilities)  # from the command line; a list there may be longer than a path can be
        probabilities = [text] if os.path.exists(text) else text.split(",")
    for source in (Path(str(name)) for name in probabilities):
        found = sorted(path for path in source.iterdir() if suffix_of(path) in VOLUMES) if source.is_dir() else [source]
        if not found:
            raise InputError(f"{source}: expected probability maps ({', '.join(VOLUMES)}), got none in the folder.")
        yield from found


def _read(path: Path) -> torch.Tensor:
    """The map as ``(C, *spatial)`` float32."""
    if is_picture(path):
        raise InputError(f"expected a map in one of the formats {', '.join(VOLUMES)}")
    return read_image(path).as_tensor()


if __name__ == "__main__":
    show_input_errors()
    fire.Fire(threshold)
