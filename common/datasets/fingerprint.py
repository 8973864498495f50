"""What the training cases are like: sizes, spacings, intensities and label values, from which a plan is made."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import combinations
from typing import Any

import nibabel as nib
import numpy as np
import torch
from monai.data import MetaTensor

from common.datasets.splits import shuffled
from common.errors import InputError
from common.io.formats import read_image
from common.io.label_meaning import LabelMeaning, LabelObservation, observe_label, read_label
from common.io.label_values import read_label_values
from common.io.orientation import REORIENTED, reoriented
from common.io.rounding import rounded

__all__ = ["CaseFacts", "Fingerprint", "case_facts", "take_fingerprint"]

MAX_CASES = 200  # of which images are read
MAX_LABELS = 1000  # of which labels are read
SAMPLES = 10_000  # intensities of a case
COMPARED = 20  # cases in which annotators are compared, at most, until two agree on a voxel
TOO_FEW = 3  # cases that say nothing
THICK = 2.0  # of a slice's other sides

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CaseFacts:
    """What one image is like.

    Attributes:
        shape: voxels along its axes; of a volume along right, anterior and superior.
        spacing: mm along the same axes; None for a picture.
        channels: of the image.
        color: a picture whose channels differ.
        intensities: ``(channels, n)``, a sample of its values.
        structured: whether they were taken within structures, else everywhere.
        reoriented: how the axes of its label and its own are stored, where they differ (`common.io.reoriented`).
    """

    shape: tuple[int, ...]
    spacing: tuple[float, ...] | None
    channels: int
    color: bool
    intensities: np.ndarray = field(repr=False)
    structured: bool = False
    reoriented: tuple[str, str] | None = None


@dataclass(frozen=True)
class Fingerprint:
    """What the training cases are like.

    Attributes:
        cases: how many images were read.
        image_dims: 2 for pictures, 3 for volumes.
        channels: of every image.
        color: whether any picture has colors.
        median_shape: voxels along the axes; of volumes at ``median_spacing``, along right, anterior, superior.
        smallest_shape, largest_shape: the same of the smallest and the largest along each axis.
        median_spacing: mm; None for pictures.
        coarse_spacing: the tenth percentile along each axis, nnU-Net's choice for a coarse one; None for pictures.
        percentiles: per channel the intensities at 0.5, 2, 50, 98 and 99.5 %, of volumes within structures, where any
            has one.
        mean, std: per channel, between the percentiles 0.5 and 99.5.
        labels: what values label files hold, by annotator; under ``""`` those that belong to no annotator.
        reoriented: of volumes how the axes of label and image are stored, and how often, where they differ.
        thick: of volumes with slices of twice the other sides or more, how many are thick to the right, anterior and
            superior.
        proportions: of pictures the smallest and the largest quotient of width and height; empty for volumes.
        apart: annotators of whom no two label a common voxel in any of several cases: structures, perhaps.
    """

    cases: int
    image_dims: int
    channels: int
    color: bool
    median_shape: tuple[int, ...]
    smallest_shape: tuple[int, ...]
    largest_shape: tuple[int, ...]
    median_spacing: tuple[float, ...] | None
    coarse_spacing: tuple[float, ...] | None
    percentiles: tuple[tuple[float, ...], ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    labels: Mapping[str, tuple[LabelObservation, ...]] = field(repr=False)
    reoriented: Mapping[tuple[str, str], int] = field(default_factory=dict)
    thick: tuple[int, int, int] = (0, 0, 0)
    proportions: tuple[float, ...] = ()
    apart: tuple[str, ...] = ()

    def summary(self) -> dict[str, Any]:
        """Its numbers without the labels.

        Returns:
            Plain JSON: each attribute up to ``std``, by its name.
        """
        left_out = ("labels", "reoriented", "thick", "proportions", "apart")
        return {name: value for name, value in vars(self).items() if name not in left_out}


def case_facts(image: torch.Tensor, foreground: torch.Tensor | None = None, seed: int = 0) -> CaseFacts:
    """The facts of one image.

    Args:
        image: ``(C, *spatial)`` as `read_image` gives it, 2-D or 3-D, with an affine if it is a `MetaTensor`.
        foreground: ``(1, *spatial)``, above 0 where intensities are sampled (nnU-Net's choice: air and bed say nothing
            of the organs); None, one that is empty and one of another shape take them everywhere.
        seed: of the sample of intensities.

    Returns:
        Shape and spacing of a volume stand along right, anterior and superior, however its file stores it.

    Example:
        >>> case_facts(torch.zeros(1, 4, 5)).shape
        (4, 5)
    """
    shape, spacing = tuple(image.shape[1:]), None
    if len(shape) == 3 and isinstance(image, MetaTensor):
        affine = np.asarray(image.affine, dtype=np.float64)
        sides = np.linalg.norm(affine[:3, :3], axis=0)
        order = np.argsort(nib.orientations.io_orientation(affine)[:, 0])  # file axis of each anatomical axis
        shape = tuple(int(shape[axis]) for axis in order)
        spacing = tuple(float(sides[axis]) for axis in order)
    values = torch.as_tensor(image).as_subclass(torch.Tensor).flatten(1)
    structured = False
    if foreground is not None and foreground.shape == (1, *image.shape[1:]):
        inside = torch.as_tensor(foreground).as_subclass(torch.Tensor).flatten() > 0
        structured = bool(inside.any())
        values = values[:, inside] if structured else values
    if values.shape[1] > SAMPLES:
        generator = torch.Generator().manual_seed(seed)
        values = values[:, torch.randint(values.shape[1], (SAMPLES,), generator=generator)]
    color = (
        len(image) == 3
        and len(shape) == 2
        and not bool(torch.equal(image[0], image[1]) and torch.equal(image[1], image[2]))
    )
    return CaseFacts(shape, spacing, len(image), color, values.numpy(), structured)


def take_fingerprint(
    items: Sequence[Mapping[str, Any]],
    num_workers: int = 4,
    faults: list[str] | None = None,
    meanings_of: Callable[[Mapping[str, Sequence[LabelObservation]]], Mapping[str, LabelMeaning]] | None = None,
) -> Fingerprint:
    """Reads training cases, one after the other, and sums them up.

    Of more than 200 cases the images of 200 are read, of more than 1,000 the labels of 1,000, drawn by name.

    Args:
        items: of the training section, with ``case``, ``image``, and ``label`` or ``annotators``.
        num_workers: threads that read.
        faults: where the sentences on cases go that cannot be used, which are then left out, so that `checking` can
            name them all; None: the first is raised.
        meanings_of: what the values of the labels mean by annotator, by what label files hold, so that structures are
            known; None: everything above 0 is one.

    Returns:
        `Fingerprint`; nothing of the images is kept but 10,000 intensities of each while it is made.

    Raises:
        InputError: there is no case, a file cannot be read, or pictures and volumes, or numbers of channels, are mixed;
            with ``faults`` only where no case is left.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     image, label = f"{folder}/image.png", f"{folder}/label.png"
        ...     Image.new("L", (8, 6)).save(image)
        ...     Image.new("L", (8, 6), 255).save(label)
        ...     found = take_fingerprint([{"case": "a", "image": image, "label": label}])
        >>> found.median_shape, found.median_spacing
        ((8, 6), None)
    """
    if not items:
        raise InputError("There is no training case.")
    by_case = {str(item.get("case", item["image"])): item for item in items}
    order = shuffled(by_case, seed=0)
    cases = sorted(order[:MAX_CASES])
    with ThreadPoolExecutor(max(1, num_workers)) as pool:
        names = [(name, path) for case in sorted(order[:MAX_LABELS]) for name, path in _label_files(by_case[case])]
        observed = list(pool.map(lambda pair: _or_fault(observe_label, pair[1]), names))
        labels: dict[str, list[LabelObservation]] = {}
        for (name, _), observation in zip(names, observed, strict=True):
            if isinstance(observation, LabelObservation):
                labels.setdefault(name, []).append(observation)
        meanings = meanings_of(labels) if meanings_of and labels else {}
        facts = list(pool.map(lambda case: _or_fault(lambda item: _facts_of(item, meanings), by_case[case]), cases))
    errors = [found for found in (*facts, *observed) if isinstance(found, InputError)]
    usable = [(case, fact) for case, fact in zip(cases, facts, strict=True) if isinstance(fact, CaseFacts)]
    if errors and (faults is None or not usable or (observed and all(isinstance(one, InputError) for one in observed))):
        raise errors[0]
    if faults is not None:
        faults += map(str, errors)
        usable = _of_one_kind(usable, faults)
    found = summarize(
        [fact for _, fact in usable],
        {name: tuple(found) for name, found in labels.items()},
        [case for case, _ in usable],
    )
    return replace(found, apart=_apart([by_case[case] for case in order[:MAX_CASES]], meanings))


def summarize(
    facts: Sequence[CaseFacts], labels: Mapping[str, tuple[LabelObservation, ...]], cases: Sequence[str]
) -> Fingerprint:
    """The fingerprint of cases whose facts are known.

    Args:
        facts: of each case, at least one.
        labels: what was seen in label files, by annotator.
        cases: names of the cases, for messages.

    Returns:
        `Fingerprint`.

    Raises:
        InputError: pictures and volumes are mixed, or images with different numbers of channels.
    """
    _require_one_kind("dimensions", [len(fact.shape) for fact in facts], cases)
    color = any(fact.color for fact in facts)
    if len(facts[0].shape) == 3:
        _require_one_kind("channels", [fact.channels for fact in facts], cases)
    channels = facts[0].channels if len(facts[0].shape) == 3 else max(fact.channels for fact in facts)
    spacings = [fact.spacing for fact in facts if fact.spacing]
    median = coarse = None
    shapes = np.array([fact.shape for fact in facts], dtype=np.float64)
    if spacings:
        sides = np.array(spacings)
        median = tuple(rounded(float(side), 4) for side in np.median(sides, axis=0))
        coarse = tuple(rounded(float(side), 4) for side in np.percentile(sides, 10, axis=0))
        shapes = shapes * sides / np.array(median)
    across = [int(np.argmax(sides)) for sides in spacings if max(sides) >= THICK * sorted(sides)[-2]]
    sampled = [fact for fact in facts if fact.channels == channels] or facts[:1]
    structured = [fact for fact in sampled if fact.structured]  # as in nnU-Net, of the others nothing counts
    stacked = [fact.intensities for fact in structured or sampled]
    values = np.concatenate(stacked, axis=1).astype(np.float64)
    values = values[:, np.isfinite(values).all(axis=0)]
    if not values.size:
        values = np.zeros((channels, 1))
    percentiles = np.percentile(values, [0.5, 2, 50, 98, 99.5], axis=1).T
    clipped = values.clip(percentiles[:, :1], percentiles[:, -1:])
    return Fingerprint(
        cases=len(facts),
        image_dims=len(facts[0].shape),
        channels=channels,
        color=color,
        median_shape=tuple(max(1, round(float(side))) for side in np.median(shapes, axis=0)),
        smallest_shape=tuple(int(np.ceil(side - 1e-6)) for side in shapes.min(axis=0)),
        largest_shape=tuple(int(np.ceil(side - 1e-6)) for side in shapes.max(axis=0)),
        median_spacing=median,
        coarse_spacing=coarse,
        percentiles=tuple(tuple(rounded(float(value), 4) for value in row) for row in percentiles),
        mean=tuple(rounded(float(value), 4) for value in clipped.mean(axis=1)),
        std=tuple(rounded(float(value), 4) for value in clipped.std(axis=1)),
        labels=labels,
        reoriented=Counter(fact.reoriented for fact in facts if fact.reoriented),
        thick=(across.count(0), across.count(1), across.count(2)),
        proportions=() if median else (float(np.divide(*shapes.T).min()), float(np.divide(*shapes.T).max())),
    )


def _or_fault(read: Callable[[Any], Any], value: Any) -> Any:
    try:
        return read(value)
    except InputError as error:
        return error


def _of_one_kind(usable: Sequence[tuple[str, CaseFacts]], faults: list[str]) -> list[tuple[str, CaseFacts]]:
    """The cases of the usual numbers of dimensions and, of volumes, of channels; what is wrong with the others."""
    kept = list(usable)
    for what in ("dimensions", "channels"):
        numbers = [len(fact.shape) if what == "dimensions" else fact.channels for _, fact in kept]
        if what == "channels" and len(kept[0][1].shape) != 3:
            break
        usual = Counter(numbers).most_common(1)[0][0]
        for (case, _), number in zip(kept, numbers, strict=True):
            if number != usual:
                faults.append(_other_kind(case, what, number, usual))
        kept = [one for one, number in zip(kept, numbers, strict=True) if number == usual]
    return kept


def _other_kind(case: str, what: str, found: int, usual: int) -> str:
    return f"Case {case}: expected images of one number of {what}, got {found} where the other cases have {usual}."


def _facts_of(item: Mapping[str, Any], meanings: Mapping[str, LabelMeaning]) -> CaseFacts:
    image = read_image(item["image"])
    files = dict(_label_files(item))
    if image.ndim == 3 or not files:
        return case_facts(image)
    name = next((name for name in files if name in meanings), next(iter(files)))
    label = reoriented(read_label_values(files[name]), image)
    unknown = bool(meanings) and name not in meanings  # drawn by an annotator who is left out
    facts = case_facts(image, None if unknown else _structures(label, meanings.get(name)))
    return replace(facts, reoriented=label.meta.get(REORIENTED))


def _structures(label: torch.Tensor, meaning: LabelMeaning | None) -> torch.Tensor:
    """Where the values of a label file mean a class other than the background."""
    values = label.as_subclass(torch.Tensor)
    if meaning is None or (meaning.values is None and meaning.threshold is None):
        return values > 0
    if meaning.threshold is not None:
        labeled = torch.ones_like(values, dtype=torch.bool) if meaning.ignore is None else values != int(meaning.ignore)
        return (values > meaning.threshold) & labeled
    drawn = [value for value, index in (meaning.values or {}).items() if index > 0 and value != meaning.ignore]
    return torch.isin(values.round(), torch.tensor(drawn, dtype=values.dtype))  # scaled headers spread values


def _apart(items: Iterable[Mapping[str, Any]], meanings: Mapping[str, LabelMeaning]) -> tuple[str, ...]:
    """Annotators of whom no two label a common voxel in any of several cases, as folders of structures look; or none.

    Of two annotators the voxels are compared that both have labeled.
    """
    names: set[str] = set()
    compared = 0
    for item in items:
        files = [(name, path) for name, path in _label_files(item) if name and name in meanings]
        labels: dict[str, torch.Tensor] = {}
        for name, path in files if len(files) > 1 else ():
            label = _or_fault(partial(read_label, meaning=meanings[name]), path)
            if isinstance(label, torch.Tensor):
                labels[name] = reoriented(label, next(iter(labels.values()), label)).as_subclass(torch.Tensor)
        disagree = set()
        for (first, label), (second, other) in combinations(labels.items(), 2):
            if label.shape != other.shape:
                continue
            known = (label >= 0) & (other >= 0)
            if ((label > 0) & (other > 0)).any():
                return ()
            if ((label > 0) & known).any() and ((other > 0) & known).any():
                disagree |= {first, second}
        names |= disagree
        compared += bool(disagree)
        if compared == COMPARED:
            break
    return tuple(sorted(names)) if compared >= TOO_FEW else ()


def _label_files(item: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    if item.get("label"):
        yield "", item["label"]
    yield from ((name, path) for name, path in (item.get("annotators") or {}).items() if path)


def _require_one_kind(what: str, found: Sequence[int], cases: Sequence[str]) -> None:
    counts = Counter(found)
    if len(counts) > 1:
        (usual, _), (other, _) = counts.most_common(1)[0], counts.most_common()[-1]
        case = cases[list(found).index(other)]
        raise InputError(_other_kind(case, what, other, usual))
