"""Kinds of label errors: from the clean label of a training case what one annotator, or three, would have drawn."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy.ndimage import label as components

from benchmarks.atlas.data_sets import Case
from common.errors import InputError
from common.noise import (
    MORPHOLOGICAL_KINDS,
    case_generator,
    deform_label,
    dilate,
    erode,
    morphological_noise,
    sample_gaussian_field,
)

BETA = 0.5  # changed area relative to the structure
FIELD = (0.03, 0.15 / 2**0.5)  # a and b of the Gaussian field, fractions of the image's sides
MISSING, EXCHANGED = 0.3, 0.05  # shares of the cases

Draw = Callable[[torch.Tensor, torch.Generator], torch.Tensor]


def noisy_labels(case: Case, error: str, seed: int) -> torch.Tensor:
    """The labels of a training case with errors, a function of case, error and seed.

    Args:
        case: with a clean label, or with real annotators.
        error: a name in `ERRORS`; ``real_annotators`` for what the annotators drew.
        seed: of the draw.

    Returns:
        ``(R, S, *spatial)`` int64, of one annotator or three.

    Raises:
        InputError: another name, or a case without the labels that are needed.

    Example:
        >>> label = torch.zeros(1, 9, 9, dtype=torch.long)
        >>> label[0, 2:7, 2:7] = 1
        >>> case = Case("a", torch.zeros(1, 1, 9, 9), label)
        >>> noisy_labels(case, "three_annotators", 0).flatten(1).sum(1).tolist()  # too large, too small, good
        [45, 9, 25]
    """
    if error == "real_annotators":
        if case.annotators is None:
            raise InputError(f"Case {case.name}: expected labels of several annotators, got one.")
        return case.annotators
    if error not in ERRORS:
        raise InputError(f"error: expected one of {', '.join(ERRORS)} or real_annotators, got {error!r}.")
    if case.label is None:
        raise InputError(f"Case {case.name}: expected a ground truth, got none.")
    generator = case_generator(seed, case.name, error)
    return torch.stack([draw(case.label, generator) for draw in ERRORS[error]])


def clean(label: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """The label itself."""
    return label


def too_large(label: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Every structure dilated, at the cost of the background."""
    return _each_structure(label, dilate)


def too_small(label: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Every structure eroded."""
    return _each_structure(label, erode)


def morphology(alpha: float) -> Draw:
    """In a share ``alpha`` of the cases one structure is eroded, dilated or displaced (`common.noise.morphology`)."""

    def draw(label: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        if not _happens(alpha, generator):
            return label
        kind = MORPHOLOGICAL_KINDS[random_integer(len(MORPHOLOGICAL_KINDS), generator)]
        structure = random_structure(label, generator)
        return torch.stack([morphological_noise(image, kind, BETA, generator, structure) for image in label])

    return draw


def gaussian_field(label: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """All borders shaky (`common.noise.gaussian_field`), every image by a field of its own."""
    fields = [sample_gaussian_field(image.shape, *FIELD, generator) for image in label]
    return deform_label(label[:, None], torch.stack(fields))[:, 0]


def missing(label: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """In a share of the cases one structure was not drawn: a class, or of one class one of its connected parts."""
    structure = random_structure(label, generator)
    if not _happens(MISSING, generator):
        return label
    return without_structure(label, structure, generator)


def exchanged(label: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """In a share of the cases two classes have each other's name."""
    one, classes = random_structure(label, generator), label[label > 0].unique().tolist()
    if len(classes) < 2 or not _happens(EXCHANGED, generator):
        return label
    other = [number for number in classes if number != one][random_integer(len(classes) - 1, generator)]
    return with_exchanged(label, one, other)


ERRORS: dict[str, tuple[Draw, ...]] = {
    "none": (clean,),
    "morphology_0.3": (morphology(0.3),),
    "morphology_0.7": (morphology(0.7),),
    "gaussian_field": (gaussian_field,),
    "missing": (missing,),
    "too_large": (too_large,),
    "exchanged": (exchanged,),
    "three_annotators": (too_large, too_small, clean),
}


def _each_structure(label: torch.Tensor, change: Callable[[torch.Tensor, float, int], torch.Tensor]) -> torch.Tensor:
    for structure in label[label > 0].unique().tolist():
        label = torch.stack([change(image, BETA, structure) for image in label])
    return label


def without_structure(label: torch.Tensor, structure: int, generator: torch.Generator) -> torch.Tensor:
    """A label without one of its classes, or of one class without one of its two largest connected parts.

    Args:
        label: ``(S, *spatial)``, with foreground.
        structure: the class.
        generator: chooses the part.

    Returns:
        A new label.
    """
    if int(label.max()) > 1:
        return torch.where(label == structure, 0, label)
    numbered, count = components(label.numpy())
    sizes = np.bincount(numbered.ravel())[1:]
    left_out = int(np.argsort(sizes)[-1 - random_integer(min(2, count), generator)]) + 1
    return torch.where(torch.from_numpy(numbered) == left_out, 0, label)


def with_exchanged(label: torch.Tensor, one: int, other: int) -> torch.Tensor:
    """Two classes with each other's name."""
    return torch.where(label == one, other, torch.where(label == other, one, label))


def random_structure(label: torch.Tensor, generator: torch.Generator) -> int:
    """One of the classes that the case has; 1 of an empty label."""
    classes = label[label > 0].unique().tolist() or [1]
    return classes[random_integer(len(classes), generator)]


def _happens(share: float, generator: torch.Generator) -> bool:
    return bool(torch.rand((), generator=generator) < share)


def random_integer(count: int, generator: torch.Generator) -> int:
    """From 0 to ``count`` − 1."""
    return int(torch.randint(count, (), generator=generator))
