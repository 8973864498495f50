"""Several annotators audited over the same cases, by the same predictions, and compared with each other."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from common.audit.inputs import length_unit
from common.audit.page import habit_sentences, plain_text
from common.audit.run import audit_cases, usual_deviation
from common.consensus.page import write_tables
from common.consensus.run import fuse_cases
from common.consensus.settings import make_settings
from common.consensus.sources import Sources
from common.consensus.summary import agreement, summarize_annotators
from common.errors import InputError, counted
from common.io.files import whole_file, write_csv
from common.io.label_meaning import LabelMeaning
from common.metrics.agreement import pairwise_dice
from common.report.page import write_page

__all__ = ["audit_annotators", "print_annotators"]

CONSENSUS = "consensus"
MOST_DIFFERENT = 5
WIDE = "<style>body { max-width: 60rem; }</style>"
ENDS = {"": "mean", "_low": "low", "_high": "high"}


def audit_annotators(
    sources: Sources,
    maps: Mapping[str, Sequence[Path]],
    output: Path,
    title: str,
    images: Mapping[str, Path],
    *,
    border_mm: float | None = None,
    axes: str = "zyx",
    previous: Path | None = None,
    meanings: Mapping[str, LabelMeaning] | None = None,
    said: Mapping[str, Any] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Audits the labels of each annotator and compares them, in ``annotators.csv``, ``.json`` and ``.html``.

    Each annotator has a folder with an audit (`audit_cases`), all with one usual deviation of a border. The consensus
    by STAPLE and its own page are written to ``consensus``.

    Args:
        sources: the cases with each annotator's file, see `common.consensus.folder_cases`.
        maps: probability map of each case.
        output: folder to write.
        title: what the labels are called.
        images: for the pages.
        border_mm: the usual deviation of a border in mm; None measures it in 40 labels of each annotator.
        axes: of arrays, see `read_probabilities`.
        previous: folder of an earlier audit of these annotators.
        meanings: of each annotator's values, and under ``""`` those of the consensus, see `make_settings`; None infers
            them.
        said: to infer them, as for `common.io.infer_annotator_meanings`.
        **options: of `audit_cases`.

    Returns:
        The content of ``annotators.json``: ``annotators`` (a row each), ``dice`` (of each pair), ``sentences``,
        ``failures`` (``annotator/case`` and why) and ``notes`` (what a reader must know of the maps).

    Raises:
        InputError: an annotator is called ``consensus``, no case of an annotator can be audited, or labels cannot be
            understood.
    """
    if CONSENSUS in sources.annotators:
        raise InputError(
            f"{CONSENSUS}: expected an annotator of another name, since the folder of the consensus has this one."
        )
    named = (*sources.annotators, *[name for name in meanings or () if not name])
    known = None if meanings is None else {name: meanings[name] for name in named}
    settings, notes = make_settings(sources, output / CONSENSUS, "staple", meanings=known, **dict(said or {}))
    read = {name: LabelMeaning.from_json(settings.meanings[name]) for name in sources.annotators}
    files = {
        name: {case.name: Path(case.labels[name]) for case in sources.cases if name in case.labels}
        for name in sources.annotators
    }
    if border_mm is None:
        border_mm = usual_deviation(
            {name: {case: path for case, path in files[name].items() if case in maps} for name in files},
            maps,
            read,
            axes,
        )
    audits: dict[str, dict[str, Any]] = {}
    failures: dict[str, str] = {}
    for name in sources.annotators:
        audits[name] = audit_cases(
            files[name],
            {case: maps[case] for case in files[name] if case in maps},
            output / name,
            f"{title}, {name}",
            images,
            axes=axes,
            border_mm=border_mm,
            meaning=read[name],
            previous=None if previous is None else previous / name,
            **options,
        )
        troubles = audits[name]["failures"] | audits[name].get("unwritten", {})
        failures |= {f"{name}/{case}": reason for case, reason in troubles.items()}
    outcome = fuse_cases(sources.cases, settings)
    failures |= {f"{CONSENSUS}/{case}": reason for case, reason in outcome.failed.items()}
    if not outcome.records:
        raise InputError(f"no case can be fused; {next(iter(failures))}: {next(iter(failures.values()))}")
    write_tables(outcome, sources.cases, settings, notes)
    against = summarize_annotators(outcome.records, settings.annotators, len(settings.values))
    dice = agreement(outcome.records, len(settings.annotators)).dice
    unit = length_unit(all(record["spacing"] is None for record in outcome.records))
    rows = []
    others = {name: _with_others(outcome.records, place) for place, name in enumerate(sources.annotators)}
    for place, name in enumerate(sources.annotators):
        shifts = [one.border_shift for one in against if one.annotator == name and one.class_index]
        rows.append(_row(name, audits[name], shifts, np.delete(dice[place], place), others[name]))
    sentences = {
        name: _sentences(row, audits[name], others[name], unit) for name, row in zip(audits, rows, strict=True)
    }
    content = {
        "annotators": [
            {**row, "classes": _classes(against, settings.class_names, row["annotator"])}
            | {"summary": audits[row["annotator"]]["summary"]}
            for row in rows
        ],
        "dice": [[_number(value) for value in line] for line in dice.tolist()],
        "sentences": sentences,
        "failures": failures,
        "notes": [options["caution"]] if options.get("caution") else [],
        "unit": unit,
    }
    write_csv(output / "annotators.csv", rows)
    with whole_file(output / "annotators.json") as partial:
        partial.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    _write_page(output / "annotators.html", title, content)
    return content


def print_annotators(content: Mapping[str, Any], output: Path) -> None:
    """Prints what was found of each annotator.

    Args:
        content: of `audit_annotators`.
        output: its folder.

    Raises:
        InputError: cases could not be audited; they are named.

    Example:
        >>> content = {"notes": [], "sentences": {"AR": ["draws small."]}, "failures": {}}
        >>> print_annotators(content, Path("audit"))
        AR: draws small.
        See audit/annotators.html.
    """
    for note in content["notes"]:
        print(note)
    for name, sentences in content["sentences"].items():
        print(f"{name}: {' '.join(sentences)}")
    print(f"See {output / 'annotators.html'}.")
    if content["failures"]:
        listed = "; ".join(f"{case} ({reason})" for case, reason in content["failures"].items())
        raise InputError(f"{len(content['failures'])} labels could not be audited or written: {listed}.")


def _with_others(records: Sequence[Mapping[str, Any]], place: int) -> dict[str, float]:
    """The mean Dice of an annotator with the others, of each case that another one labeled too."""
    found = {}
    for record in records:
        patterns = torch.tensor(record["patterns"])
        dice = np.delete(pairwise_dice(patterns.T, torch.tensor(record["counts"]))[place].numpy(), place)
        if np.isfinite(dice).any():
            found[record["case"]] = float(np.nanmean(dice))
    return found


def _alone(audit: Mapping[str, Any], others: Mapping[str, float]) -> list[str]:
    """The suspicious labels that agree with the other annotators less than three quarters of this one's labels do."""
    usual = float(np.percentile(list(others.values()), 25)) if others else 1.0
    suspicious = [row["case"] for row in audit["cases"] if row["status"] == "suspicious"]
    return [case for case in suspicious if others.get(case, 0.0) < usual]


def _row(
    name: str, audit: Mapping[str, Any], shifts: Sequence[Any], dice: np.ndarray, others: Mapping[str, float]
) -> dict[str, Any]:
    """The row of ``annotators.csv``; shifts against the consensus are the mean over classes."""
    summary = audit["summary"]
    found, moved = summary["habits"], summary["habits"]["drift"]
    row: dict[str, Any] = {"annotator": name}
    row |= {key: summary[key] for key in ("cases", "judged", "suspicious", "expected_wrong", "expected_dice")}
    row["expected_wrong"] = row["expected_wrong"] if row["judged"] else None
    row["suspicious_alone"] = len(_alone(audit, others))
    row |= {f"border_shift{end}": found["border_shift"][key] for end, key in ENDS.items()}
    for end, key in (("", "estimate"), ("_low", "low"), ("_high", "high")):
        values = [getattr(shift, key) for shift in shifts if np.isfinite(getattr(shift, key))]
        row[f"shift_from_consensus{end}"] = _number(float(np.mean(values))) if values else None
    for kind in ("missed", "missed_small"):
        row |= {kind: found[kind]["share"], f"{kind}_low": found[kind]["low"], f"{kind}_high": found[kind]["high"]}
    row["dice_with_others"] = _number(float(np.nanmean(dice))) if np.isfinite(dice).any() else None
    for key in ("rho", "low", "high", "p", "first", "last"):
        row[f"drift_{key}"] = None if moved is None else moved[key]
    border = summary["border"] or {}
    row |= {"border_a": border.get("a_mm"), "border_b": border.get("b_mm")}
    return row


def _classes(against: Sequence[Any], names: Sequence[str], annotator: str) -> list[dict[str, Any]]:
    """Of each foreground class, how the annotator compares with the consensus."""
    return [
        {"class": names[one.class_index], "sensitivity": _number(one.sensitivity.estimate)}
        | {
            f"{measure}{end}": _number(getattr(getattr(one, measure), key))
            for measure in ("border_shift", "volume_bias")
            for end, key in (("", "estimate"), ("_low", "low"), ("_high", "high"))
        }
        for one in against
        if one.annotator == annotator and one.class_index
    ]


def _sentences(row: Mapping[str, Any], audit: Mapping[str, Any], others: Mapping[str, float], unit: str) -> list[str]:
    """What the annotator does, in words."""
    alone = _alone(audit, others)
    judged = f"{row['suspicious']} of {row['judged']} labels are suspicious."
    said = [judged if row["judged"] else "No label could be judged."]
    if unsure := audit["summary"]["not_judged"]:
        said.append(f"{counted(unsure, 'label')} could not be judged: the network is unsure there.")
    if agreed := row["suspicious"] - len(alone):
        said.append(
            f"{agreed} of these agree with the other annotators as labels of this one usually do: look whether the "
            "network is wrong there."
        )
    if alone:
        said.append(f"Suspicious, and unlike the others' labels: {', '.join(alone[:MOST_DIFFERENT])}.")
    if (shift := row["shift_from_consensus"]) is not None:
        low, high = row["shift_from_consensus_low"], row["shift_from_consensus_high"]
        size = "as large as" if low is None or low <= 0 <= high else ("larger than" if low > 0 else "smaller than")
        interval = "" if low is None else f", 95 % interval {low:+.2f} to {high:+.2f}"
        said.append(f"Draws {size} the consensus: borders lie {shift:+.2f} {unit} from it (+ outside){interval}.")
    said += habit_sentences(audit["summary"]["habits"], unit)
    if worst := sorted(others, key=others.__getitem__)[:MOST_DIFFERENT]:
        said.append(
            "Differs most from the others in " + ", ".join(f"{one} (Dice {others[one]:.2f})" for one in worst) + "."
        )
    return said


def _write_page(path: Path, title: str, content: Mapping[str, Any]) -> None:
    unit = content["unit"]
    names = [row["annotator"] for row in content["annotators"]]
    sections: list[Any] = [
        (name, "\n".join(f"- {plain_text(sentence)}" for sentence in content["sentences"][name]), []) for name in names
    ]
    borders = [f"border to consensus, {unit}", f"to prediction, {unit}"]
    table = [["annotator", "suspicious (unlike others)", *borders, "missed", "Dice with others"]]
    for row in content["annotators"]:
        table.append(
            [
                row["annotator"],
                f"{row['suspicious']} of {row['judged']} ({row['suspicious_alone']})",
                _interval(row, "shift_from_consensus", "+.2f"),
                _interval(row, "border_shift", "+.2f"),
                _interval(row, "missed", ".1%"),
                "–" if row["dice_with_others"] is None else f"{row['dice_with_others']:.3f}",
            ]
        )
    sections.insert(0, ("The annotators", table, []))
    if content["notes"]:
        sections.insert(0, ("Beforehand", " ".join(map(plain_text, content["notes"])), []))
    if content["failures"]:
        listed = "\n".join(
            f"- {plain_text(case)}: {plain_text(reason)}" for case, reason in content["failures"].items()
        )
        sections.append(("Labels that could not be audited", listed, []))
    links = "".join(
        f'<li><a href="{html.escape(name)}/audit.html">The labels of {html.escape(name)}, case by case</a></li>'
        for name in names
    )
    links += f'<li><a href="{CONSENSUS}/annotators.html">The consensus, and each annotator against it</a></li>'
    write_page(path, f"The annotators of {title}", sections, f"{WIDE}\n<h2>More</h2>\n<ul>{links}</ul>")


def _interval(row: Mapping[str, Any], name: str, form: str) -> str:
    value, low, high = row[name], row[f"{name}_low"], row[f"{name}_high"]
    if value is None:
        return "–"
    return f"{value:{form}}" if low is None else f"{value:{form}} [{low:{form}}, {high:{form}}]"


def _number(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None
