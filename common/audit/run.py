"""The audit of a data set: case by case, resumable, with the tables and the page at its end."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from tqdm import tqdm

from common.audit.cases import PILOT, case_record, pilot, public_row, usual_border_deviation
from common.audit.inputs import LoadedCase, case_files, length_unit, load_case, probability_files
from common.audit.order import check_order
from common.audit.page import write_audit_page
from common.audit.second import compare_audits, read_audit
from common.audit.summary import LEAST_CERTAINTY, SUSPICIOUS, rank_records, summarize
from common.audit.thumbnails import draw_thumbnail, thumbnail_plane
from common.audit.tool_files import tool_faults, write_suspicious
from common.audit.truth import truth_given_label
from common.audit.weights import GivenWeight, given_weights, kept_weights, weight_notes, write_weights
from common.consensus.writing import written_values
from common.datasets.images_by_case import images_of
from common.errors import InputError, counted, reason_of
from common.formats.dicom_series import read_series
from common.formats.grid import Grid, lay_voxels
from common.io.files import whole_file, write_csv
from common.io.formats import is_picture, read_image
from common.io.label_inference import infer_label_meaning
from common.io.label_meaning import LabelMeaning, observe_label
from common.io.orientation import reoriented
from common.io.writers import result_suffix, write_like

__all__ = ["audit_cases", "audit_folders", "print_audit", "usual_deviation"]

VERSION = 6  # of the records; others are made again
SHOWN = 5
ONLY_JSON = ("kinds", "sides", "structure_sizes", "missing_sizes", "label_hash")


def audit_folders(
    labels: Path,
    probabilities: Sequence[Path],
    output: Path,
    images: Path | None = None,
    *,
    class_names: Sequence[str] = (),
    **options: Any,
) -> dict[str, Any]:
    """Audits the labels of a folder, see `audit_cases`.

    Args:
        labels: folder of label files, with its subfolders but the other folders that are named here.
        probabilities: folders of probability maps, such as one for each fold.
        output: folder to write.
        images: folder of images for the page; None shows the probabilities.
        class_names: from class 0 on; empty for numbers.
        **options: of `audit_cases`.

    Returns:
        The content of ``audit.json``: ``summary``, ``cases``, ``failures``, ``notes`` and ``settings``.

    Raises:
        InputError: folders that cannot be used, or no case that can be audited.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     root = Path(folder)
        ...     Image.linear_gradient("L").resize((16, 16)).point(lambda gray: 255 * (gray > 99)).save(root / "a.png")
        ...     np.save(root / "a.npy", np.full((16, 16), 0.5))  # of a network that is unsure everywhere
        ...     audit_folders(root, [root], root / "audit")["cases"][0]["status"]
        'not judged'
    """
    others = (*probabilities, output, images, options.get("previous"))
    paths = case_files(labels, [folder for folder in others if folder is not None])
    check_order(options.get("order"), paths)
    named = [str(name) for name in class_names]
    maps = probability_files(list(paths), probabilities, named)
    pictures = images_of(images, paths) if images is not None else {}
    return audit_cases(paths, maps, output, labels.resolve().name, pictures, class_names=named, **options)


def audit_cases(
    labels: Mapping[str, Path],
    maps: Mapping[str, Sequence[Path]],
    output: Path,
    title: str,
    images: Mapping[str, Path],
    *,
    axes: str = "zyx",
    border_mm: float | None = None,
    least_certainty: float = LEAST_CERTAINTY,
    suspicious: float = SUSPICIOUS,
    maps_of_false_labels: bool = False,
    previous: Path | None = None,
    order: Mapping[str, float] | None = None,
    class_names: Sequence[str] = (),
    meaning: LabelMeaning | None = None,
    caution: str = "",
    output_format: str | None = None,
    tool_images: Mapping[str, Path] | None = None,
    **said: Any,
) -> dict[str, Any]:
    """Audits every case and writes ``audit.csv``, ``audit.json``, ``audit.html`` and ``weights.csv``.

    Weights that were changed by hand since the last audit in ``output``, or since ``previous``, stay where the label is
    still the same (`write_weights`).

    One case is in memory at a time. What was found of it is kept in ``output/cases``; a second run takes it from there
    while neither files nor settings have changed.

    Args:
        labels: label file of each case.
        maps: probability map of each case, or the maps of its classes, see `probability_files`; a case without one is
            a failure.
        output: folder to write.
        title: what the labels are called on the page.
        images: for the page, of the cases that have one; the others show the probabilities.
        axes: of arrays, ``zyx`` or ``xyz``, see `read_probabilities`.
        border_mm: the usual deviation of a border in mm; None measures it in up to 40 cases.
        least_certainty: below which a case is not judged, in [0, 1].
        suspicious: probability to be wrong from which a label is suspicious, in (0, 1].
        maps_of_false_labels: writes ``false_labels/CASE``, the probability in each voxel that the label is false
            (`truth_given_label`), in the format and grid of the label; of pictures 8 bits in which 1 is 255.
        previous: folder of an audit of the same cases, with which this one is compared; None for none.
        order: place of each case in time, such as a date as a number, to look for a drift; None takes the names.
        class_names: from class 0 on; empty for the values in label files.
        meaning: of the values in label files; None infers it.
        caution: what a reader must know of the maps, a sentence for the page and for ``audit.json``.
        output_format: writes each suspicious label into ``tool_files/``, with the regions that are likely to be false,
            for the tool in which it is corrected (`write_suspicious`); None writes none.
        tool_images: that this tool shows, of the cases that have one; None for ``images``.
        **said: to infer it, as for `common.io.infer_label_meaning`: ``ignore_value``, ``class_values``,
            ``class_colors``.

    Returns:
        The content of ``audit.json``: ``summary``, ``cases``, ``failures``, ``notes`` and ``settings``, and with
        ``output_format`` ``unwritten``: why a suspicious label was not written, by case.

    Raises:
        InputError: no case can be audited, there is no audit in ``previous``, or no label can be written in the format.
    """
    shown = images if tool_images is None else tool_images
    if output_format is not None:
        tool_faults({case: labels[case] for case in maps}, shown, output_format)
    before = None if previous is None else read_audit(previous)
    given = given_weights(previous, output)
    notes: tuple[str, ...] = ()
    failures = {case: "there is no probability map of its name" for case in labels if case not in maps}
    if meaning is None:
        meaning, notes = _meaning({case: labels[case] for case in maps}, failures, said)
    named = [str(name) for name in (class_names or written_values(meaning).tolist())]

    def load(case: str) -> LoadedCase:
        return load_case(labels[case], meaning, maps[case], axes)

    readable = [case for case in maps if case not in failures]
    if border_mm is None:
        border_mm = usual_border_deviation(_readable(readable, load))
        unit = length_unit(all(is_picture(labels[case]) for case in readable))
        notes = (
            *notes,
            f"The usual deviation of a border is {border_mm:.3g} {unit}, the lower quartile of up to {PILOT} cases.",
        )
    settings = {"version": VERSION, "axes": axes, "border_mm": border_mm, "meaning": meaning.to_json(), "names": named}
    records = []
    progress = tqdm(readable, desc="audit", unit="case", disable=None)
    for case in progress:
        sources = [labels[case], *maps[case], *([images[case]] if case in images else [])]
        key = _fingerprint(sources, settings)
        kept = output / "cases" / f"{case}.json"
        record = _kept(kept, key)
        picture = output / "false_labels" / f"{case}{result_suffix(labels[case])}"
        lacking = maps_of_false_labels and not picture.is_file()
        if record is None or lacking:
            try:
                loaded = load(case)
                picture.unlink(missing_ok=True)  # of another label
                if maps_of_false_labels:
                    truth = truth_given_label(loaded.label, loaded.probabilities, loaded.spacing, border_mm)
                    write_like(labels[case], truth.false_label, picture)
                record = case_record(case, loaded, border_mm, named)
                record["thumbnail"] = draw_thumbnail(*thumbnail_plane(loaded, _image(images.get(case), loaded)))
            except Exception as error:  # decoders of damaged files raise whatever they meet
                failures[case] = reason_of(error)
                tqdm.write(f"{case} could not be audited: {failures[case]}.")
                continue
            with whole_file(kept) as partial:
                partial.write_text(json.dumps({"key": key, **record}, allow_nan=True), encoding="utf-8")
        records.append(record)
    if not records:
        raise InputError(f"none of {len(labels)} cases could be audited; {_first(failures)}.")
    ranked = rank_records(records, least_certainty, suspicious)
    unit = length_unit(all(is_picture(labels[record["case"]]) for record in records))
    changes = None if before is None else compare_audits(ranked, before)
    unwritten = None
    if output_format is not None:
        suspicious_cases = [record["case"] for record in ranked if record["status"] == "suspicious"]
        places = output, suspicious_cases, load, labels, shown
        unwritten = write_suspicious(*places, border_mm, named, output_format)
    return _write(output, title, ranked, failures, notes, caution, settings, changes, order, unit, unwritten, given)


def print_audit(content: Mapping[str, Any], output: Path) -> None:
    """Prints what an audit has found.

    Args:
        content: of `audit_cases`.
        output: folder of the audit.

    Raises:
        InputError: cases could not be audited, or suspicious labels not written; they are named.

    Example:
        >>> summary = {"suspicious": 0, "judged": 1, "not_judged": 0, "advice": "Plain training will do.", "cases": 1}
        >>> print_audit({"summary": summary, "notes": [], "cases": [], "failures": {}}, Path("audit"))
        Suspicious labels: 0 of 1; cases that could not be judged: 0. Plain training will do. See audit/audit.html.
    """
    summary = content["summary"]
    for note in content["notes"]:
        print(note)
    for row in content["cases"]:
        if row["status"] == "suspicious":
            print(
                f"{row['case']}: {row['finding']} ({row['wrong_probability']:.0%} likely to be wrong, Dice "
                f"{row['dice']:.2f})"
            )
    if summary.get("changes"):
        print(summary["changes"]["said"])
    found = f"Suspicious labels: {summary['suspicious']} of {summary['judged']}; cases that could not be judged: "
    found = f"{found}{summary['not_judged']}. " if summary["judged"] else ""  # which the advice says, too
    print(f"{found}{summary['advice']} See {output / 'audit.html'}.")
    unwritten = content.get("unwritten")
    if unwritten is not None:
        count = summary["suspicious"] - len(unwritten)
        where = f" in {output / 'tool_files'}" if count else ""  # else there is no such folder
        print(f"Written for correction: {counted(count, 'suspicious label')}{where}.")
    if content["failures"]:
        listed = "; ".join(f"{case} ({reason})" for case, reason in content["failures"].items())
        raise InputError(f"{len(content['failures'])} of {summary['cases']} cases could not be audited: {listed}.")
    if unwritten:
        listed = "; ".join(f"{case} ({reason})" for case, reason in unwritten.items())
        raise InputError(f"{len(unwritten)} of {summary['suspicious']} suspicious labels were not written: {listed}.")


def _meaning(
    paths: Mapping[str, Path], failures: dict[str, str], said: Mapping[str, Any]
) -> tuple[LabelMeaning, tuple[str, ...]]:
    observations = []
    for case, path in paths.items():
        try:
            observations.append(observe_label(path))
        except Exception as error:  # decoders of damaged files raise whatever they meet
            failures[case] = reason_of(error)
    if not observations:
        raise InputError(f"none of {len(paths)} labels can be read; {_first(failures)}.")
    return infer_label_meaning(observations, **said)


def usual_deviation(
    labels: Mapping[str, Mapping[str, Path]],
    maps: Mapping[str, Sequence[Path]],
    meanings: Mapping[str, LabelMeaning],
    axes: str = "zyx",
) -> float:
    """The usual deviation of a border over several annotators, so that all are judged alike.

    Args:
        labels: file by case, by annotator.
        maps: probability map of each of these cases.
        meanings: of each annotator's values.
        axes: of arrays, see `read_probabilities`.

    Returns:
        mm: the mean over the annotators, each the lower quartile of up to 40 cases.
    """

    def of(name: str) -> float:
        return usual_border_deviation(
            _readable(list(labels[name]), lambda case: load_case(labels[name][case], meanings[name], maps[case], axes))
        )

    return float(np.mean([of(name) for name in labels if labels[name]]))


def _readable(cases: Sequence[str], load: Callable[[str], LoadedCase]) -> Iterator[LoadedCase]:
    """The `pilot` cases; those that cannot be read are named when their turn comes."""
    for case in pilot(cases):
        with suppress(Exception):  # decoders of damaged files raise whatever they meet
            yield load(case)


def _fingerprint(sources: Iterable[Path], settings: Mapping[str, Any]) -> str:
    seen = [(str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns) for path in sources]
    return hashlib.blake2b(json.dumps([seen, settings], sort_keys=True).encode(), digest_size=16).hexdigest()


def _kept(path: Path, key: str) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return content if content.pop("key") == key else None
    except (OSError, ValueError, KeyError, AttributeError):
        return None


def _image(path: Path | None, case: LoadedCase) -> np.ndarray | None:
    """The image on the label's grid, or None where there is none."""
    if path is None:
        return None
    if path.is_dir():
        series, grid = read_series(path), Grid(case.label.shape, case.affine)  # type: ignore[arg-type]
        return None if series.voxels is None else lay_voxels(series.voxels, series.affine, grid, f"{path}: expected")
    label = MetaTensor(torch.from_numpy(case.label)[None], affine=torch.from_numpy(case.affine))
    image = reoriented(read_image(path, channels=1), label).as_subclass(torch.Tensor)[0].numpy()
    if image.shape != case.label.shape:
        raise InputError(f"{path}: expected the size {case.label.shape} of the label, got {image.shape}")
    return image


def _write(
    output: Path,
    title: str,
    ranked: Sequence[dict[str, Any]],
    failures: Mapping[str, str],
    notes: Sequence[str],
    caution: str,
    settings: Mapping[str, Any],
    changes: Mapping[str, Any] | None,
    order: Mapping[str, float] | None,
    unit: str,
    unwritten: Mapping[str, str] | None,
    given: Mapping[str, GivenWeight],
) -> dict[str, Any]:
    summary = summarize(ranked, len(failures), order)
    if changes is not None:
        summary["changes"] = dict(changes)
    rows = [public_row(record) for record in ranked]
    failed = [{"case": case, "status": "failed", "finding": reason} for case, reason in failures.items()]
    write_csv(output / "audit.csv", [*rows, *failed])
    kept = kept_weights(ranked, given)
    notes = [*notes, *weight_notes(given, kept)]
    cases = [{**row, **{name: record[name] for name in ONLY_JSON}} for row, record in zip(rows, ranked, strict=True)]
    content = {"summary": summary, "cases": cases, "failures": dict(failures)}
    content["notes"] = [*([caution] if caution else []), *notes]
    content["settings"] = dict(settings)
    if unwritten is not None:
        content["unwritten"] = dict(unwritten)
    content["given_weights"] = kept
    with whole_file(output / "audit.json") as partial:
        partial.write_text(json.dumps(_json(content), indent=1, allow_nan=False) + "\n", encoding="utf-8")
    write_weights(output, ranked, kept)
    write_audit_page(output / "audit.html", f"Labels of {title}", summary, ranked, failures, notes, caution, unit)
    return content


def _json(value: Any) -> Any:
    """What JSON holds: numbers that are not finite become null."""
    if isinstance(value, Mapping):
        return {str(key): _json(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_json(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _first(failures: Mapping[str, str]) -> str:
    case, reason = next(iter(failures.items()))
    return f"the first is {case}: {reason}"
