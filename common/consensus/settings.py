"""What is decided once for a data set before its cases are fused: what label values mean, and the options."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from common.consensus.one_case import Settings
from common.consensus.sources import Sources
from common.consensus.tool_files import check_tool, image_fault
from common.consensus.writing import written_values
from common.datasets.splits import shuffled
from common.errors import ArgumentError, InputError
from common.fusion.pattern_consensus import REGIONS
from common.fusion.staple_global import check_stopping
from common.io.annotator_meanings import general_meaning, infer_annotator_meanings
from common.io.class_numbers import general_and_own, names_of_classes, with_own_classes
from common.io.label_meaning import LabelMeaning, LabelObservation, observe_label
from common.transforms.fuse_annotators import FUSION_METHODS

__all__ = ["make_settings", "unlabeled_value", "value_names"]

MOST_CLASSES = 256  # more distinct values than that are an image, not a label
MOST_OBSERVED = 300  # label files per annotator, drawn by name


def make_settings(
    sources: Sources,
    output: Path,
    method: str,
    region: str = "all",
    options: Mapping[str, Any] | None = None,
    output_format: str | None = None,
    meanings: Mapping[str, LabelMeaning] | None = None,
    **said: Any,
) -> tuple[Settings, tuple[str, ...]]:
    """Reads some label files of each annotator to find out what their values mean, unless that is known.

    Of more than 300 files of an annotator 300 are read, drawn by name: a value that does not occur in them is named
    with its case when that is fused.

    Args:
        sources: the cases.
        output: folder to write into.
        method: of `FUSION_METHODS`.
        region: ``all`` or ``disputed``.
        options: of the method.
        output_format: in which the consensus is written once more, see `common.formats.output_fault`; None for none.
        meanings: of each annotator's values, such as a training found out, and under ``""`` those of the consensus if
            they are not those of the first annotator; None reads files.
        **said: as for `common.io.infer_annotator_meanings`.

    Returns:
        `Settings`, and what was decided, a sentence each. Files that cannot be read are left out here; their cases
        are named when they are fused.

    Raises:
        InputError: there is no such method, region, option or format; no case can be written in the format; values are
            not understood; or no file can be read.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> from common.consensus.sources import folder_cases
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name, value in {"AR": 0, "HS": 255}.items():
        ...         Path(folder, name).mkdir()
        ...         Image.new("L", (4, 3), value).save(f"{folder}/{name}/a.png")
        ...     sources = folder_cases([f"{folder}/AR", f"{folder}/HS"])
        ...     settings, _ = make_settings(sources, Path(folder, "consensus"), "staple")
        >>> settings.annotators, settings.class_names
        (('AR', 'HS'), ('0', '1'))
    """
    if method not in FUSION_METHODS:
        raise InputError(f"method: expected one of {', '.join(FUSION_METHODS)}, got {method}.")
    if region not in REGIONS:
        raise InputError(f"region: expected one of {', '.join(REGIONS)}, got {region}.")
    if region == "disputed" and method == "spatial_staple":
        raise InputError(
            "region: expected all with --method spatial_staple, which compares annotators in windows around every "
            "voxel, got disputed."
        )
    known = [name for name in inspect.signature(FUSION_METHODS[method]).parameters if name not in HIDDEN]
    for name in options or {}:
        if name not in known:
            raise InputError(f"{name}: expected one of {method}'s options ({', '.join(known) or 'it has none'}).")
    _check_options(**(options or {}))
    check_tool(output_format, method)
    if all(faults := [image_fault(case, output_format) for case in sources.cases]):
        raise InputError(f"{sources.cases[0].name} and all other cases: {faults[0]}.")
    notes: tuple[str, ...] = ()
    if meanings is None:
        meanings, notes = _infer(sources, said)
        if with_own_classes(said.get("class_values"), said.get("class_colors")):
            general = general_meaning(**said)
            meanings |= {} if general is None else {"": general}
    first = meanings.get("", next(iter(meanings.values())))
    values = tuple(int(value) for value in written_values(first))
    classes = max(meanings[name].num_classes for name in sources.annotators)
    if classes > MOST_CLASSES:
        raise InputError(f"{sources.roots[0]}: expected at most {MOST_CLASSES} classes, got {classes} values.")
    settings = Settings(
        output=str(output),
        method=method,
        region=region,
        options=dict(options or {}),
        annotators=sources.annotators,
        meanings={name: meanings[name].to_json() for name in sources.annotators},
        values=values,
        class_names=tuple(value_names(values, said, sources.class_names)),
        ignore=unlabeled_value(first),
        output_format=output_format,
    )
    return settings, notes


def _check_options(tolerance: Any = 0, max_iterations: Any = 1, half_window: Any = 0, **_: Any) -> None:
    """Refuses once what the fusion of every case would refuse."""
    try:
        check_stopping(tolerance, max_iterations)
    except ArgumentError as error:
        raise InputError(str(error)) from error
    sides = half_window if isinstance(half_window, Sequence) else [half_window]
    if not sides or not all(isinstance(side, int) and not isinstance(side, bool) and side >= 0 for side in sides):
        raise InputError(f"half_window: expected a whole number from 0 up, or one for each axis, got {half_window}.")


def _infer(sources: Sources, said: dict[str, Any]) -> tuple[dict[str, LabelMeaning], tuple[str, ...]]:
    """The meaning of each annotator's values, first of those whose files can be read, and what was decided."""
    said.setdefault("ignore_value", None)
    if said["ignore_value"] is None:
        said["ignore_value"] = sources.ignore_value
    if not said.get("class_names") and not _said_of_all(said):
        said["class_names"] = sources.class_names
    observations = _observe(sources)
    found, notes = infer_annotator_meanings(observations, sources.annotators, **said)
    meanings = {name: found[name] for name in sources.annotators if name in observations}
    for name in sources.annotators:  # whose files cannot be read, so that their cases are named with the reason
        meanings.setdefault(name, found.get(name, next(iter(found.values()))))
    return meanings, notes


def unlabeled_value(meaning: LabelMeaning) -> int:
    """What a consensus has where nobody labeled.

    Args:
        meaning: of an annotator's values.

    Returns:
        The value of the annotator; 255 for a color, beside the numbers of classes, as pictures have no −1; or −1.

    Example:
        >>> unlabeled_value(LabelMeaning({0: 0, 1: 1}, ignore=254)), unlabeled_value(LabelMeaning({0: 0, 255: 1}))
        (254, -1)
    """
    if isinstance(meaning.ignore, int):
        return meaning.ignore
    return -1 if meaning.ignore is None else 255


def value_names(values: Sequence[int], said: Mapping[str, Any], known: Mapping[int, str] | None = None) -> list[str]:
    """The name of each class of a consensus.

    Args:
        values: of the classes in the consensus; of colored labels the class indices.
        said: of the label values, as for `common.io.infer_label_meaning`.
        known: name by value that the data set gives.

    Returns:
        Names: those of ``class_values`` or ``class_colors``, else the known ones, else the values.

    Example:
        >>> value_names([0, 1], {"class_values": {"background": 0, "disc": [1, 2]}})
        ['background', 'disc']
    """
    unnamed = known and not _said_of_all(said)
    named = [] if unnamed else names_of_classes(said.get("class_values"), said.get("class_colors"))
    names = dict(zip(values, named, strict=False)) if named else known or {}
    return [str(names.get(value, value)) for value in values]


def _said_of_all(said: Mapping[str, Any]) -> bool:
    """Whether values, or colors, are said of all annotators, not of single ones alone."""
    return any(general_and_own(said.get(name))[0] for name in ("class_values", "class_colors"))


HIDDEN = ("labels", "num_classes")


def _observe(sources: Sources) -> dict[str, list[LabelObservation]]:
    observations: dict[str, list[LabelObservation]] = {}
    fault: InputError | None = None
    for name in sources.annotators:
        files = {case.name: case.labels[name] for case in sources.cases if name in case.labels}
        for case in shuffled(files, seed=0)[:MOST_OBSERVED]:
            try:
                observations.setdefault(name, []).append(observe_label(files[case]))
            except InputError as error:
                fault = fault or error
    if not observations:
        raise fault or InputError(f"{sources.roots[0]}: expected label files, got none.")
    return observations
