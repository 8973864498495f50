"""Segments that wait on the disk, packed, until the classes of all of them are known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.formats.segments import Segments

__all__ = ["HeldSegments"]

IGNORED, PROBABILITY = "ignored", "probability_"


@dataclass(frozen=True)
class _Entry:
    file: Path
    names: tuple[str, ...]  # of the masks in the file, which hold at least a pixel
    probabilities: tuple[str, ...]
    shape: tuple[int, ...]


class HeldSegments:
    """Segments by annotator and case, of which one at a time is in memory.

    Args:
        folder: for the files; it must exist.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     held = HeldSegments(Path(folder))
        ...     held.add(Segments("a", "AR", {"disc": np.eye(3, dtype=bool), "cup": np.zeros((3, 3), bool)}))
        ...     found = next(iter(held))
        >>> sorted(held.class_names), int(found.masks["disc"].sum()), ("AR", "a") in held
        (['cup', 'disc'], 3, True)
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.class_names: set[str] = set()
        self._entries: dict[tuple[str, str], _Entry] = {}

    def add(self, segments: Segments) -> None:
        """Keeps segments; those without a pixel are kept by their name alone.

        Args:
            segments: of an annotator and a case that are not held yet.
        """
        drawn = {name: mask for name, mask in segments.masks.items() if mask.any()}
        arrays = {str(number): np.packbits(mask) for number, mask in enumerate(drawn.values())}
        arrays |= {f"{PROBABILITY}{number}": values for number, values in enumerate(segments.probabilities.values())}
        if segments.ignored is not None:
            arrays[IGNORED] = np.packbits(segments.ignored)
        shapes = [mask.shape for mask in (*segments.masks.values(), segments.ignored) if mask is not None]
        file = self.folder / f"{len(self._entries)}.npz"
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # names are numbers, none an option
        self.class_names |= segments.masks.keys() | segments.probabilities.keys()
        self._entries[segments.annotator, segments.case] = _Entry(
            file, tuple(drawn), tuple(segments.probabilities), shapes[0] if shapes else ()
        )

    def __contains__(self, annotator_and_case: tuple[str, str]) -> bool:
        return annotator_and_case in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Segments]:
        """The segments in the order in which they were added, with the masks that hold at least a pixel."""
        for (annotator, case), entry in self._entries.items():
            with np.load(entry.file) as arrays:

                def mask(name: str, arrays: np.lib.npyio.NpzFile = arrays, entry: _Entry = entry) -> np.ndarray:
                    count = int(np.prod(entry.shape, dtype=np.int64))
                    return np.unpackbits(arrays[name], count=count).view(bool).reshape(entry.shape)

                masks = {name: mask(str(number)) for number, name in enumerate(entry.names)}
                ignored = mask(IGNORED) if IGNORED in arrays.files else None
                probabilities = {
                    name: arrays[f"{PROBABILITY}{number}"] for number, name in enumerate(entry.probabilities)
                }
            yield Segments(case, annotator, masks, (), ignored, probabilities=probabilities)
