"""A data set for methods that learn from several annotators, whatever labels it has."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from common.datasets.dataset import Dataset
from common.datasets.given_items import GIVEN
from common.datasets.layouts.recognize import options_of
from common.errors import InputError, counted

__all__ = ["annotated", "drawn_by", "have_ground_truth", "labeled_by_each", "require_ground_truth", "truth_alone"]

ONLY_ANNOTATOR = "label"
TRUTH_ALONE = "its case has a ground truth and no annotator's label"
PLACES_OF_TRUTH = {
    "plain": "put the true mask of each into a folder truth/",
    "datalist": "give each a label beside its annotators",
}


def annotated(
    dataset: Dataset, simulated: Collection[str] | None = None, annotators: Sequence[str] | None = None
) -> Dataset:
    """The cases that somebody has labeled, with the labels by annotator.

    ===========================  =====================================================================================
    several annotators           as the data set has them; ``label``, if a case has one, is the ground truth
    one label for each case      that of the only annotator, who is called ``label``; there is no ground truth
    ``simulated``                the label is the ground truth from which these annotators' labels are drawn later
    ===========================  =====================================================================================

    Args:
        dataset: of `common.datasets.read_dataset`.
        simulated: names of the annotators that `common.transforms.SimulateAnnotatorsd` draws; None for none.
        annotators: names that were asked for; None: all that there are.

    Returns:
        The data set with ``annotators``. Cases that lack what is needed, also those with a ground truth that no
        annotator has labeled, are left out, which a note says; their images are in ``left_out``.

    Raises:
        InputError: no case has what is needed; one who was asked for has labeled no case.

    Example:
        >>> from pathlib import Path
        >>> item = {"case": "a", "subject": "a", "image": "a.png", "label": "a_mask.png"}
        >>> found = annotated(Dataset("plain", Path("/data"), (item,)))
        >>> found.annotators, found.items[0]["annotators"], "label" in found.items[0]
        (('label',), {'label': 'a_mask.png'}, False)
    """
    notes = list(dataset.notes)
    items: list[dict[str, Any]]
    names: Sequence[str]
    if simulated:
        needed, names = "label", tuple(simulated)
        items = [{name: value for name, value in item.items() if name != "annotators"} for item in dataset.items]
        notes.append(f"The labels of {', '.join(names)} are simulated from the ground truth.")
    elif dataset.annotators:
        needed, names, items = "annotators", dataset.annotators, list(dataset.items)
    elif dataset.layout == GIVEN:  # a program goes on with a network that knows its annotators
        raise InputError(
            f"{dataset.root}: expected items with the labels of annotators, from which this network learns, got one "
            "label for each case."
        )
    else:
        needed, names = "annotators", (ONLY_ANNOTATOR,)
        items = [_of_one(item) for item in dataset.items]
        notes.append(
            "There is one label for each case, that of one annotator: nothing tells errors from the truth, and the "
            "network learns the label as any other."
        )
    if strangers := [str(name) for name in annotators or () if str(name) not in names]:
        raise InputError(
            f"{dataset.root}: annotators: expected some of {', '.join(names)}, but there is no {', '.join(strangers)}."
        )
    kept = tuple(item for item in items if item.get(needed))
    if not kept:
        raise InputError(f"{dataset.root}: expected cases with {needed}, got none.")
    known = truth_alone(items) if needed == "annotators" else []
    of_truth = set(known)
    lacking = [item["case"] for item in items if not item.get(needed) and str(item["case"]) not in of_truth]
    if lacking:
        notes.append(f"Left out without {needed}: {counted(len(lacking), 'case')}, the first is {lacking[0]}.")
    if known:
        notes.append(
            f"Left out: {counted(len(known), 'case')} with a ground truth and no annotator's label, the first is "
            f"{known[0]}; this method trains, validates and tests with annotators' labels."
        )
    why = "its case has no ground truth" if simulated else "no annotator labeled its case"
    left = [
        (_first_image(item), TRUTH_ALONE if str(item["case"]) in of_truth else why)
        for item in items
        if not item.get(needed)
    ]
    left_out = (*dataset.left_out, *left)
    return replace(dataset, items=kept, annotators=tuple(names), notes=tuple(notes), left_out=left_out)


def truth_alone(items: Sequence[Mapping[str, Any]]) -> list[str]:
    """The cases that have a ground truth and no annotator's label, in a data set of annotators.

    Args:
        items: of the data set, or of a section.

    Returns:
        Their names.

    Example:
        >>> truth_alone([{"case": "a", "annotators": {"AR": "a_AR.png"}}, {"case": "b", "label": "b.png"}])
        ['b']
    """
    return [str(item["case"]) for item in items if item.get("label") is not None and not item.get("annotators")]


def drawn_by(dataset: Dataset, annotators: Sequence[str]) -> Dataset:
    """The data set with the labels of those alone whom a network knows.

    Args:
        dataset: in which others may have drawn, too, whom the training left out.
        annotators: names, as in the plan; without any, as of a network that knows none, the data set stays.

    Returns:
        The data set; cases that have neither a label by one of them nor a ground truth are left out, which a note says.

    Raises:
        InputError: there are annotators, and none of them is known.

    Example:
        >>> from pathlib import Path
        >>> item = {"case": "a", "annotators": {"AR": "a_AR.png", "HS": "a_HS.png"}}
        >>> found = drawn_by(Dataset("plain", Path("/data"), (item,), annotators=("AR", "HS")), ["AR"])
        >>> found.annotators, found.items[0]["annotators"]
        (('AR',), {'AR': 'a_AR.png'})
    """
    known = tuple(name for name in dataset.annotators if name in annotators)
    if not annotators or known == dataset.annotators:
        return dataset
    if not known:
        raise InputError(
            f"{dataset.root}: expected labels of at least one of {', '.join(annotators)}, whom the network knows, got "
            f"those of {', '.join(dataset.annotators)}."
        )
    items, left = [], []
    for item in dataset.items:
        by = {name: path for name, path in (item.get("annotators") or {}).items() if name in known}
        kept = {key: value for key, value in item.items() if key != "annotators"} | ({"annotators": by} if by else {})
        if by or "label" in item or not item.get("annotators"):
            items.append(kept)
        else:
            left.append(item["case"])
    others = ", ".join(name for name in dataset.annotators if name not in known)
    note = f"The network knows {', '.join(known)}; labels of {others} are not used."
    if left:
        note += f" Left out without another label: {counted(len(left), 'case')}, the first is {left[0]}."
    return replace(dataset, items=tuple(items), annotators=known, notes=(*dataset.notes, note))


def have_ground_truth(items: Sequence[Mapping[str, Any]]) -> bool:
    """Whether every case has a ground truth beside its annotators' labels; False of no case.

    Args:
        items: of one section.

    Returns:
        True if there is a case and each has one.

    Example:
        >>> have_ground_truth([{"label": "a.png"}, {}])
        False
    """
    return bool(items) and all(item.get("label") is not None for item in items)


def require_ground_truth(dataset: Dataset, items: Sequence[Mapping[str, Any]]) -> None:
    """Refuses cases without a ground truth, to which something is to be fitted, and says where one may come from.

    Args:
        dataset: of `annotated`.
        items: of its validation section; none of them is no fault here.

    Raises:
        InputError: a case has the labels of annotators alone.

    Example:
        >>> from pathlib import Path
        >>> item = {"case": "a", "annotators": {"AR": "AR/a.png", "Dr Ng": "Dr Ng/a.png"}}
        >>> try:
        ...     require_ground_truth(Dataset("bids", Path("/data"), (item,), annotators=("AR", "Dr Ng")), [item])
        ... except InputError as error:
        ...     print(str(error).partition(": ")[2])  # doctest: +NORMALIZE_WHITESPACE
        expected validation cases with a ground truth, got 1 of 1 with the labels of annotators alone, the first of
        them a: take those of one of them for it, --truth AR.
    """
    lacking = [item for item in items if item.get("label") is None]
    if not lacking:
        return
    expected = f"{dataset.root}: expected validation cases with a ground truth, got {len(lacking)} of {len(items)} with"
    first = f"the first of them {lacking[0]['case']}"
    if dataset.annotators == (ONLY_ANNOTATOR,):
        raise InputError(f"{expected} one label each, {first}: it is that of an annotator, and there is no other.")
    advice = [PLACES_OF_TRUTH[dataset.layout]] if dataset.layout in PLACES_OF_TRUTH else []
    all_of_them = [name for name in dataset.annotators if all(name in (item.get("annotators") or ()) for item in items)]
    if all_of_them and len(dataset.annotators) > 1 and "truth" in options_of(dataset.layout):
        advice.append(f"take those of one of them for it, --truth {shlex.quote(all_of_them[0])}")
    advice = advice or ["a datalist (docs/data_sets.md) can give each a label beside its annotators"]
    raise InputError(f"{expected} the labels of annotators alone, {first}: {', or '.join(advice)}.")


def labeled_by_each(items: Sequence[Mapping[str, Any]], annotators: Sequence[str]) -> list[dict[str, Any]]:
    """Training items, of which every annotator has labeled some: of others nothing could be learned.

    Args:
        items: of the training section; of simulated annotators they have no labels yet.
        annotators: names.

    Returns:
        The items.

    Raises:
        InputError: an annotator has labeled none of them.

    Example:
        >>> len(labeled_by_each([{"annotators": {"AR": "a.png"}}], ["AR"]))
        1
    """
    present = {name for item in items for name in item.get("annotators") or ()}
    silent = [name for name in annotators if name not in present]
    if present and silent:
        raise InputError(f"{', '.join(silent)} labeled no training case; leave them out of annotators.")
    return [dict(item) for item in items]


def _first_image(item: Mapping[str, Any]) -> str:
    image = item["image"]
    return str(image[0] if isinstance(image, list | tuple) else image)


def _of_one(item: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(item)
    label = found.pop("label", None)
    return found | ({"annotators": {ONLY_ANNOTATOR: label}} if label is not None else {})
