"""Data sets with known errors: which cases get a wrong label, and what it looks like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from benchmarks.atlas.data_sets import Case
from benchmarks.atlas.label_errors import random_integer, random_structure, with_exchanged, without_structure
from common.errors import InputError
from common.noise import (
    MORPHOLOGICAL_KINDS,
    case_generator,
    deform_label,
    morphological_noise,
    sample_gaussian_field,
)

CORRELATION = 0.15 / 2**0.5  # b of the Gaussian field, a fraction of the image's side
SHIFT = 2  # slices
NAMES = {"erosion": "too small", "dilation": "too large", "displacement": "displaced"}


@dataclass(frozen=True)
class Wrong:
    """A wrong label.

    Attributes:
        label: ``(S, *spatial)`` int64.
        kinds: names of `common.audit.kinds.GRAVITY` that are right for it.
    """

    label: torch.Tensor
    kinds: tuple[str, ...]


# one case, all cases (for the label of another), a generator
Draw = Callable[[Case, Sequence[Case], torch.Generator], Wrong]


@dataclass(frozen=True)
class LabelError:
    """What is wrong with some labels of a data set.

    Attributes:
        share: of the cases.
        draw: makes the wrong label.
        gross: whether nearly all such labels are to be found, see `benchmarks.label_audit.results`.
        dims: of the images in which there is such an error.
        classes: fewest classes beside the background.
    """

    share: float
    draw: Draw
    gross: bool = False
    dims: tuple[int, ...] = (2, 3)
    classes: int = 1


def morphology(beta: float) -> Draw:
    """One structure eroded, dilated or displaced, by the share ``beta`` of its size (`common.noise.morphology`)."""

    def draw(case: Case, cases: Sequence[Case], generator: torch.Generator) -> Wrong:
        kind = MORPHOLOGICAL_KINDS[random_integer(len(MORPHOLOGICAL_KINDS), generator)]
        structure = random_structure(_label(case), generator)
        state, drawn = generator.get_state(), []
        for image in _label(case):
            generator.set_state(state)  # all slices are displaced in one direction
            drawn.append(morphological_noise(image, kind, beta, generator, structure))
        return Wrong(torch.stack(drawn), (NAMES[kind],))

    return draw


def gaussian_field(a: float) -> Draw:
    """Shaky borders (`common.noise.gaussian_field`) with the deviation ``a``, a fraction of the image's side."""

    def draw(case: Case, cases: Sequence[Case], generator: torch.Generator) -> Wrong:
        label = _label(case)
        fields = [sample_gaussian_field(image.shape, a, CORRELATION, generator) for image in label]
        return Wrong(deform_label(label[:, None], torch.stack(fields))[:, 0], ("border shaky", "fine"))

    return draw


def missing(case: Case, cases: Sequence[Case], generator: torch.Generator) -> Wrong:
    """One structure that was not drawn: a class, or of one class one of its two largest connected parts."""
    label = _label(case)
    structure = random_structure(label, generator) if int(label.max()) > 1 else 1
    return Wrong(without_structure(label, structure, generator), ("missing",))


def exchanged(case: Case, cases: Sequence[Case], generator: torch.Generator) -> Wrong:
    """Two classes with each other's name."""
    label = _label(case)
    classes = label[label > 0].unique().tolist()
    if len(classes) < 2:
        raise InputError(f"Case {case.name}: expected two classes to exchange, got {len(classes)}.")
    one, other = (classes[index] for index in torch.randperm(len(classes), generator=generator)[:2].tolist())
    names = ("classes exchanged", "left and right exchanged")
    return Wrong(with_exchanged(label, one, other), names)


def other_case(case: Case, cases: Sequence[Case], generator: torch.Generator) -> Wrong:
    """The label of another subject; of more or fewer slices, those at the same height."""
    label = _label(case)
    others = [one for one in cases if one.subject != case.subject]
    other = _label(others[random_integer(len(others), generator)])
    places = torch.linspace(0, len(other) - 1, len(label)).round().long()
    return Wrong(other[places], ("another case's label",))


def shifted(case: Case, cases: Sequence[Case], generator: torch.Generator) -> Wrong:
    """The label two slices too high or too low."""
    label, steps = _label(case), SHIFT if random_integer(2, generator) else -SHIFT
    axis = 0 if label.shape[0] > 1 else label.ndim - 1
    moved = torch.zeros_like(label)
    length = label.shape[axis] - SHIFT
    moved.narrow(axis, max(0, steps), length).copy_(label.narrow(axis, max(0, -steps), length))
    return Wrong(moved, ("shifted by slices", "displaced"))


MORPHOLOGY = {
    f"morphology α {alpha:g}, β {beta:g}": LabelError(alpha, morphology(beta), beta >= 0.5)
    for alpha in (0.1, 0.3)
    for beta in (0.3, 0.5, 0.7)
}
ERRORS: dict[str, LabelError] = {
    "none": LabelError(0.0, other_case),
    **MORPHOLOGY,
    "Gaussian field a 0.02": LabelError(0.3, gaussian_field(0.02)),
    "Gaussian field a 0.04": LabelError(0.3, gaussian_field(0.04)),
    "structure missing": LabelError(0.1, missing),
    "classes exchanged": LabelError(0.05, exchanged, gross=True, classes=2),
    "another case's label": LabelError(0.05, other_case, gross=True),
    "shifted by two slices": LabelError(0.1, shifted, dims=(3,)),
}


def errors_for(image_dims: int, classes: int) -> dict[str, LabelError]:
    """The errors that a data set can have.

    Args:
        image_dims: 2 of pictures, 3 of volumes.
        classes: beside the background.

    Returns:
        Of `ERRORS`, by name.

    Example:
        >>> "classes exchanged" in errors_for(2, 1), "shifted by two slices" in errors_for(3, 3)
        (False, True)
    """
    return {name: error for name, error in ERRORS.items() if image_dims in error.dims and classes >= error.classes}


def spoil(cases: Sequence[Case], name: str, seed: int) -> dict[str, Wrong]:
    """Wrong labels for the share of the cases that the error has.

    Args:
        cases: with clean labels; a case without a structure keeps its label.
        name: of `ERRORS`.
        seed: of the choice of cases and of the labels, which are a function of it, the error and the case.

    Returns:
        By name of the case; a label that came out as it was is none.

    Raises:
        InputError: another name.
    """
    if name not in ERRORS:
        raise InputError(f"error: expected one of {', '.join(ERRORS)}, got {name!r}.")
    error = ERRORS[name]
    order = torch.randperm(len(cases), generator=case_generator(seed, name)).tolist()
    found: dict[str, Wrong] = {}
    for index in order:
        if len(found) >= round(error.share * len(cases)):
            break
        case = cases[index]
        if not (_label(case) > 0).any():
            continue
        wrong = error.draw(case, cases, case_generator(seed, case.name, name))
        if not torch.equal(wrong.label, _label(case)):
            found[case.name] = wrong
    return found


def _label(case: Case) -> torch.Tensor:
    if case.label is None:
        raise InputError(f"Case {case.name}: expected a ground truth, got none.")
    return case.label
