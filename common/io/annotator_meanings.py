"""What the values of several annotators' label files mean: the same for all, or of each on their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from common.errors import InputError, shown_names
from common.io.class_numbers import classes_of, with_own_classes
from common.io.label_inference import drawn_values, ignored_value, infer_label_meaning, is_smoothed
from common.io.label_meaning import LabelMeaning, LabelObservation, total_counts

__all__ = ["general_meaning", "infer_annotator_meanings"]

NOTHING = LabelObservation("", "gray", {}, ())  # where values are said, and nobody has used them yet


def infer_annotator_meanings(
    observations: Mapping[str, Sequence[LabelObservation]], annotators: Sequence[str] = (), **said: Any
) -> tuple[dict[str, LabelMeaning], tuple[str, ...]]:
    """The meaning of each annotator's values, on their own where all drew masks, together where some drew classes.

    One annotator's masks may hold 255 where those of another hold 1 or 2. Where an annotator uses several classes,
    values mean the same for all of them, or else a file that lacks a class would be misunderstood. If an annotator uses
    other values, or colors, ``class_values`` or ``class_colors`` has a mapping of them under the annotator's name.

    Args:
        observations: by annotator, under ``""`` those of the ground truth; of one who is given values and has labeled
            nothing there may be none.
        annotators: names of further ones, who have labeled nothing that was read.
        **said: as for `infer_label_meaning`, ``{"liver": 1, "tumor": 2, "chris": {"tumor": 1, "liver": 2}}``.

    Returns:
        The meaning by annotator, and what was decided.

    Raises:
        InputError: as `infer_label_meaning`; there is no such annotator; an annotator's own are not those of the same
            classes, or hold what ``ignore_value`` says is not labeled; or it is not known which classes the values of
            the others are.

    Example:
        >>> seen = {"A": [LabelObservation("a.png", "gray", {0: 9, 255: 1}, (5, 2))]}
        >>> infer_annotator_meanings(seen)[0]["A"].values
        {0: 0, 255: 1}
    """
    if own := with_own_classes(said.get("class_values"), said.get("class_colors")):
        return _with_own(observations, own, annotators, said)
    colored = said.get("class_colors") is not None  # what is ignored is then a color, too
    ignore = None if colored else ignored_value(said.get("ignore_value"))
    fixed = any(said.get(name) is not None for name in ("class_names", "class_values", "class_colors"))
    apart = said.get("label_threshold") is not None
    drawn = {
        name: {value for value in total_counts(seen) if value not in (0, -1, ignore)}
        for name, seen in observations.items()
    }
    lossy = any(observed.lossy for seen in observations.values() for observed in seen)
    if lossy and not (apart or fixed):
        _refuse_jpeg_beside_classes(observations, ignore)
    if apart or (not fixed and (lossy or all(len(values) < 2 for values in drawn.values()))):
        meanings: dict[str, LabelMeaning] = {}
        notes: list[str] = []
        for name, seen in observations.items():
            meanings[name], decided = infer_label_meaning(seen, **said)
            notes += _of_annotator(name, decided)
        return meanings, tuple(notes)
    meaning, decided = infer_label_meaning([one for seen in observations.values() for one in seen], **said)
    return dict.fromkeys(observations, meaning), decided


def _refuse_jpeg_beside_classes(observations: Mapping[str, Sequence[LabelObservation]], ignore: int | None) -> None:
    """Where an annotator draws classes, values mean the same for all, and JPEG does not hold them."""
    spread = next(observed.path for seen in observations.values() for observed in seen if observed.lossy)
    for name, seen in observations.items():
        exact = [one for one in seen if not one.lossy and not is_smoothed(one, drawn_values(one, ignore))]
        drawn = sorted({value for one in exact for value in drawn_values(one, ignore)})
        if len(drawn) > 1:
            raise InputError(
                f"{spread}: expected classes as the labels of {name or 'the ground truth'}, which hold "
                f"{shown_names([0, *drawn])}, got a JPEG, which does not hold values exactly; save it as PNG with the "
                "same values."
            )


def general_meaning(**said: Any) -> LabelMeaning | None:
    """What values mean in the labels of those who have none of their own, by what is said of them alone.

    Args:
        **said: as for `infer_annotator_meanings`.

    Returns:
        The meaning; None if nothing is said of them.

    Raises:
        InputError: values or colors are not understood.

    Example:
        >>> general_meaning(class_values={"liver": 1, "tumor": 2, "chris": {"tumor": 1, "liver": 2}}).values
        {0: 0, 1: 1, 2: 2}
    """
    said = _of(said, "")
    given = [said.get(name) for name in ("class_names", "class_values", "class_colors")]
    return infer_label_meaning([NOTHING], **said)[0] if any(given) else None


def _of(said: Mapping[str, Any], who: str) -> dict[str, Any]:
    """What is said of one annotator's labels."""
    names = said.get("class_names")
    if isinstance(names, Mapping):
        names = [names.get(value, "background") for value in sorted({0, *names})]
    values, colors = classes_of(who, said.get("class_values"), said.get("class_colors"), names or ())
    return {**said, "class_values": values, "class_colors": colors}


def _with_own(
    observations: Mapping[str, Sequence[LabelObservation]],
    own: Mapping[str, str],
    annotators: Sequence[str],
    said: dict[str, Any],
) -> tuple[dict[str, LabelMeaning], tuple[str, ...]]:
    """Each of ``own`` by their own values, the others together."""
    known = list(dict.fromkeys([*observations, *annotators]))
    if strangers := [who for who in own if who not in known]:
        raise InputError(
            f"{own[strangers[0]]}: expected the names of classes, or of annotators with a mapping each "
            f"({', '.join(known) or 'there are none'}), but there is no {', '.join(strangers)}."
        )
    others = {who: seen for who, seen in observations.items() if who not in own}
    general = general_meaning(**said)
    if others and general is None:
        raise InputError(
            f"{next(iter(own.values()))}: expected those of {', '.join(others)}, too, under the name of each or, for "
            f"all of them, under the names of the classes, got those of {', '.join(own)} alone."
        )
    meanings, notes = infer_annotator_meanings(others, **_of(said, "")) if others else ({}, ())
    for who in (who for who in observations if who in own):
        rules = _of(said, who)
        meanings[who], decided = infer_label_meaning(observations[who] or [NOTHING], **rules)
        _refuse_ignored_class(who, own[who], meanings[who], general)
        if meanings[who].threshold is None:
            classes = rules["class_colors"] or rules["class_values"]
            listed = ", ".join(f"{name} is {_several(value)}" for name, value in classes.items())
            notes = (*notes, *_of_annotator(who, decided[:-1]), f"Annotator {who}: {listed} ({own[who]}).")
        else:
            notes = (*notes, *_of_annotator(who, decided))
    if any(meaning.ignore == -1 for meaning in meanings.values()):  # as where everybody's values mean the same
        meanings = {
            who: replace(meaning, ignore=-1) if meaning.ignore is None and meaning.colors is None else meaning
            for who, meaning in meanings.items()
        }
    return {who: meanings[who] for who in observations}, tuple(dict.fromkeys(notes))


def _refuse_ignored_class(who: str, argument: str, meaning: LabelMeaning, general: LabelMeaning | None) -> None:
    """Else what an annotator drew with the value that means not labeled would be left out."""
    known: Mapping[Any, int] = meaning.values or meaning.colors or {}
    ignore = ignored_value(meaning.ignore) if meaning.colors is None else meaning.ignore
    of_all: Mapping[Any, int] = (general and (general.values or general.colors)) or {}
    if ignore in known and of_all.get(ignore) != known[ignore]:
        raise InputError(
            f"{argument} of {who}: expected no class with {ignore}, which ignore_value says is not labeled, got one; "
            f"leave out ignore_value, or give this class another value in the labels of {who}."
        )


def _of_annotator(who: str, notes: Sequence[str]) -> list[str]:
    """Notes on the labels of one annotator; those of the ground truth stay as they are."""
    if not who:
        return list(notes)
    return [f"Annotator {who}: {note if note.startswith('JPEG') else note[:1].lower() + note[1:]}" for note in notes]


def _several(value: Any) -> str:
    return " or ".join(str(one).replace("::", "#") for one in (value if isinstance(value, list | tuple) else [value]))
