"""The table of the annotators as CSV and JSON, and as a page with pictures of the most disputed cases."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor

from common.checking.pictures import CasePanel, draw_cases, viewed_plane
from common.consensus.one_case import Settings, read_annotators, result_path
from common.consensus.run import Outcome
from common.consensus.sources import FusionCase
from common.consensus.summary import (
    Agreement,
    AnnotatorSummary,
    agreement,
    disputed_share,
    summarize_annotators,
    trouble_sentences,
)
from common.errors import InputError, counted
from common.fusion.patterns import is_disputed
from common.io.files import whole_file, write_csv
from common.io.formats import read_image
from common.io.label_meaning import LabelMeaning, read_label
from common.io.orientation import reoriented
from common.metrics.bootstrap import Interval
from common.report.page import Section, write_page
from common.report.tables import markdown_table

__all__ = ["annotator_rows", "write_tables"]

MOST_DISPUTED = 5
COLUMNS = 2
SURROUNDINGS = 1.6  # times what anyone marked, in each direction
LEAST_SIDE = 24  # pixels
MEASURES = ("sensitivity", "specificity", "volume_bias", "border_shift")


def write_tables(
    outcome: Outcome, cases: Sequence[FusionCase], settings: Settings, notes: Sequence[str] = ()
) -> list[str]:
    """Writes ``annotators.csv``, ``annotators.json`` and ``annotators.html`` beside the consensus.

    Args:
        outcome: of `fuse_cases`, with at least one record.
        cases: with their files, for the pictures.
        settings: of the data set.
        notes: what was decided before, for the page.

    Returns:
        What a reader has to know, `trouble_sentences`.
    """
    records, folder = outcome.records, Path(settings.output)
    summaries = summarize_annotators(records, settings.annotators, len(settings.values))
    together = agreement(records, len(settings.annotators))
    troubles = trouble_sentences(records, settings.annotators, settings.method, settings.region)
    units = {"mm" if record["spacing"] else "pixels" for record in records}
    border = units.pop() if len(units) == 1 else "mm or pixels"
    volume = {"mm": "mL", "pixels": "pixels"}.get(border, "mL or pixels")
    rows = annotator_rows(summaries, settings.class_names, volume, border)
    ranked = sorted(records, key=lambda record: (-disputed_share(record), -record["disputed"], record["case"]))
    disputed = [record for record in ranked if record["disputed"]][:MOST_DISPUTED]
    write_csv(folder / "annotators.csv", rows)
    content: dict[str, Any] = {
        "method": settings.method,
        "region": settings.region,
        "options": settings.options,
        "cases": len(records),
        "failed": outcome.failed,
        "volume_unit": volume,
        "border_unit": border,
        "annotators": [_plain(row) for row in rows],
        "agreement": {
            "annotators": list(settings.annotators),
            "dice": [[_number(value) for value in line] for line in together.dice.tolist()],
            "cases_of_both": together.cases.tolist(),
            "fleiss_kappa": _number(together.kappa),
            "krippendorff_alpha": _number(together.alpha),
        },
        "most_disputed": [{"case": one["case"], "disputed_share": disputed_share(one)} for one in disputed],
        "notes": [*notes, *troubles],
    }
    with whole_file(folder / "annotators.json") as partial:
        partial.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    by_name = {case.name: case for case in cases}
    with tempfile.TemporaryDirectory() as drawn:
        panels = [_panel(by_name[record["case"]], record, settings) for record in disputed]
        pictures = [draw_cases(Path(drawn) / "disputed.png", panels, COLUMNS)] if panels else []
        sections = _sections(outcome, settings, summaries, together, (volume, border), [*notes, *troubles], pictures)
        write_page(folder / "annotators.html", "The annotators and their consensus", sections)
    return troubles


def annotator_rows(
    summaries: Sequence[AnnotatorSummary], class_names: Sequence[str], volume: str, border: str
) -> list[dict[str, Any]]:
    """The rows of ``annotators.csv``.

    Args:
        summaries: of `summarize_annotators`.
        class_names: of the classes.
        volume: unit of the volume bias.
        border: unit of the border shift.

    Returns:
        A row for each annotator and class; None where there is nothing to measure.
    """
    rows = []
    for found in summaries:
        row: dict[str, Any] = {"annotator": found.annotator, "says": class_names[found.class_index]}
        row["cases"] = found.cases
        row |= {f"truth {name}": _number(value) for name, value in zip(class_names, found.truth, strict=True)}
        for measure in MEASURES:
            interval: Interval = getattr(found, measure)
            row |= {
                measure: _number(interval.estimate),
                f"{measure}_low": _number(interval.low),
                f"{measure}_high": _number(interval.high),
            }
        rows.append(row | {"volume_unit": volume, "border_unit": border})
    return rows


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("volume_unit", "border_unit")}


def _sections(
    outcome: Outcome,
    settings: Settings,
    summaries: Sequence[AnnotatorSummary],
    together: Agreement,
    units: tuple[str, str],
    notes: Sequence[str],
    pictures: Sequence[Path],
) -> list[Section]:
    names = settings.class_names
    fused = (
        f"{counted(len(outcome.records), 'case')} by {', '.join(settings.annotators)}, fused by **{settings.method}**"
        + (" in the disputed region" if settings.region == "disputed" else "")
        + f"; {len(outcome.failed)} failed."
    )
    sections: list[Section] = [("Result", fused, [])]
    if notes:
        sections.append(("What to know", "\n".join(f"- {_literal(note)}" for note in notes), []))
    if outcome.failed:
        rows = [["case", "why"], *([name, why] for name, why in outcome.failed.items())]
        sections.append(("Cases that failed", rows, []))
    compared = [["annotator", "class", "cases", "sensitivity", "specificity"]]
    borders = [["annotator", "class", f"volume bias, {units[0]}", f"border shift, {units[1]}"]]
    confusion = [["annotator", "says", *(f"truth {name}" for name in names)]]
    for one in summaries:
        who = [one.annotator, names[one.class_index]]
        compared.append([*who, str(one.cases), _interval(one.sensitivity), _interval(one.specificity)])
        if one.class_index:
            borders.append([*who, _interval(one.volume_bias, True), _interval(one.border_shift, True)])
        confusion.append([*who, *(_shown(value) for value in one.truth)])
    text = (
        "Against the consensus, with the 95 % percentile bootstrap's interval over cases. Ratios are of voxels summed "
        "over the cases."
    )
    sections.append(("The annotators", f"{text}\n\n{markdown_table(compared[0], compared[1:])}", []))
    text = (
        "Annotator minus consensus, the mean over cases. The border shift is the mean signed distance of the "
        "annotator's border to that of the consensus, positive where it lies outside."
    )
    sections.append(("Volumes and borders", f"{text}\n\n{markdown_table(borders[0], borders[1:])}", []))
    sections.append(("Confusion matrices", confusion, []))
    dice = [["Dice (cases)", *settings.annotators]]
    for row, name in enumerate(settings.annotators):
        pairs = zip(together.dice[row], together.cases[row], strict=True)
        dice.append([name, *(f"{_shown(value)} ({count})" for value, count in pairs)])
    text = f"Fleiss' κ is {_shown(together.kappa)}, Krippendorff's α {_shown(together.alpha)}, of all voxels together."
    sections.append(("Agreement with each other", f"{text}\n\n{markdown_table(dice[0], dice[1:])}", []))
    if pictures:
        text = (
            "Colored: the borders of each annotator's classes; where several coincide, the colors take turns. White: "
            "those of the consensus. Cut out around what anyone marked, of a volume in the slice with the most "
            "disputed voxels."
        )
        sections.append(("The most disputed cases", text, pictures))
    return sections


def _literal(text: str) -> str:
    return "".join(f"\\{sign}" if sign in "`*|\\" else sign for sign in text)


def _shown(value: float) -> str:
    return f"{value:.4f}" if math.isfinite(value) else "–"


def _interval(found: Interval, signed: bool = False) -> str:
    form = "+.3f" if signed else ".4f"
    if not math.isfinite(found.estimate):
        return "–"
    if not math.isfinite(found.low):
        return format(found.estimate, form)
    return f"{found.estimate:{form}} [{found.low:{form}}, {found.high:{form}}]"


def _panel(case: FusionCase, record: dict[str, Any], settings: Settings) -> CasePanel:
    """The consensus and outlines of the annotators on the image, or on the number of annotators who marked a voxel."""
    note = f"{100 * disputed_share(record):.0f} % of what anyone marked is disputed"
    try:
        labels, _ = read_annotators(case, settings)
        first = next(iter(case.labels))
        grid = read_label(case.labels[first], LabelMeaning.from_json(settings.meanings[first]))
        consensus = _consensus(case, labels, settings, grid)
        image = MetaTensor(torch.from_numpy((labels > 0).sum(0, dtype=np.int64))[None].float(), affine=grid.affine)
        if case.image:
            read = reoriented(read_image(case.image[0]), grid)
            if read.shape[1:] == grid.shape[1:]:
                image = read
    except (InputError, OSError) as error:
        return CasePanel(case.name, str(error))
    maps = {
        name: torch.from_numpy(label.astype(np.int16))[None]
        for name, label in zip(settings.annotators, labels, strict=True)
        if name in case.labels
    }
    broad = f"consensus ({'mean above ½' if settings.method == 'mean' else settings.method})"
    maps[broad] = torch.from_numpy(consensus)[None]
    plane, masks, aspect = viewed_plane(image, maps, is_disputed(torch.from_numpy(labels))[None])
    rows, columns = _surroundings(np.any([mask > 0 for mask in masks.values()], axis=0))
    masks = {name: mask[rows, columns] for name, mask in masks.items()}
    return CasePanel(case.name, note, plane[rows, columns], masks, aspect, broad)


def _consensus(case: FusionCase, labels: np.ndarray, settings: Settings, grid: torch.Tensor) -> np.ndarray:
    """The class map that was written; of the mean, the class whose share is above one half, if there is one."""
    if settings.method == "mean":
        labeled = (labels >= 0).sum(0)
        consensus = np.zeros(labels.shape[1:], np.int16)
        for one in range(1, len(settings.values)):
            consensus[2 * (labels == one).sum(0) > labeled] = one
        return consensus
    meaning = LabelMeaning({value: one for one, value in enumerate(settings.values)}, ignore=settings.ignore)
    return read_label(result_path(case, settings), meaning, grid)[0].numpy().astype(np.int16)


def _surroundings(marked: np.ndarray) -> tuple[slice, slice]:
    """A part of the plane in the plane's proportions, with all that is marked and some room around it."""
    places = [np.flatnonzero(marked.any(axis=1 - axis)) for axis in (0, 1)]
    if not len(places[0]):
        return slice(None), slice(None)
    needed = [max(LEAST_SIDE, SURROUNDINGS * (place[-1] - place[0] + 1)) for place in places]
    share = min(1.0, max(side / size for side, size in zip(needed, marked.shape, strict=True)))
    parts = []
    for place, size in zip(places, marked.shape, strict=True):
        side = round(share * size)
        start = min(max(0, (place[0] + place[-1] + 1 - side) // 2), size - side)
        parts.append(slice(start, start + side))
    return parts[0], parts[1]
