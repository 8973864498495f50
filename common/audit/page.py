"""The page of an audit: one file with a card for each case, sorted and filtered without a server."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from common.audit.choosing import FEW_CASES
from common.audit.thumbnails import LABEL_COLOR, PREDICTION_COLOR
from common.report.page import Section, write_page

__all__ = ["habit_sentences", "plain_text", "write_audit_page"]

CERTAIN = 0.01  # p, below which a drift is called one
STYLE = f"""
<style>
body {{ max-width: 76rem; }}
.tools {{ display: flex; flex-wrap: wrap; gap: .5rem .8rem; margin: 1rem 0; align-items: center; }}
.tools select, .tools input {{ font: inherit; padding: .25rem .4rem; max-width: 100%; }}
.cards {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(10.2rem, 1fr)); gap: .9rem; padding: 0; }}
.card {{ list-style: none; border: 1px solid #ddd; border-radius: .3rem; padding: .45rem; font-size: .82rem;
  line-height: 1.35; overflow-wrap: anywhere; }}
.card[hidden] {{ display: none; }}
.card img {{ margin: 0 auto .35rem; background: #000; width: 100%; height: 11rem; object-fit: contain; }}
.card b {{ display: block; }}
.suspicious {{ border-color: #b2182b; border-width: 2px; }}
.judged {{ background: #f4f4f4; }}
.key {{ display: inline-block; width: 1.4rem; height: .35rem; margin: 0 .3rem .15rem 0; vertical-align: middle;
  outline: 1px solid #888; }}
.label {{ background: {LABEL_COLOR}; }} .prediction {{ background: {PREDICTION_COLOR}; }}
.failed {{ overflow-wrap: anywhere; }}
</style>
"""
SCRIPT = """
<script>
(function () {
  var list = document.getElementById("cards"), cards = Array.prototype.slice.call(list.children);
  var order = document.getElementById("order"), status = document.getElementById("status");
  var kind = document.getElementById("kind"), text = document.getElementById("text");
  function update() {
    var key = order.value, words = text.value.toLowerCase(), shown = 0;
    cards.sort(function (a, b) {
      return key === "case" ? a.dataset.case.localeCompare(b.dataset.case)
        : parseFloat(a.dataset[key]) - parseFloat(b.dataset[key]);
    });
    cards.forEach(function (card) {
      var fits = (!status.value || card.dataset.status === status.value)
        && (!kind.value || card.dataset.kinds.split("|").indexOf(kind.value) >= 0)
        && card.dataset.case.toLowerCase().indexOf(words) >= 0;
      card.hidden = !fits;
      shown += fits;
      list.appendChild(card);
    });
    document.getElementById("count").textContent = shown + " of " + cards.length + " cases";
  }
  [order, status, kind].forEach(function (field) { field.addEventListener("change", update); });
  text.addEventListener("input", update);
  update();
})();
</script>
"""


def write_audit_page(
    path: Path,
    title: str,
    summary: Mapping[str, Any],
    records: Sequence[Mapping[str, Any]],
    failures: Mapping[str, str],
    notes: Sequence[str] = (),
    caution: str = "",
    unit: str = "mm",
) -> Path:
    """Writes the page.

    Args:
        path: HTML file.
        title: heading.
        summary: of `summarize`.
        records: of `rank_records`, each with its ``thumbnail``, a ``data:`` URL.
        failures: why cases could not be audited, by case.
        notes: what was decided, a sentence each.
        caution: what a reader must know of the maps, a sentence.
        unit: of lengths, mm or pixels.

    Returns:
        The path.

    Raises:
        InputError: the file cannot be written.
    """
    sections: list[Section] = [("Result", _result(summary, caution, unit), [])]
    if summary["judged"] >= FEW_CASES:
        said = habit_sentences(summary["habits"], unit)
        sections.append(("Who drew them", "\n".join(f"- {plain_text(one)}" for one in said), []))
    if summary["kinds"]:
        rows = [["kind of the suspicious labels", "cases"], *([kind, n] for kind, n in summary["kinds"].items())]
        sections.append(("What is wrong", rows, []))
    if failures:
        listed = "\n".join(f"- {plain_text(case)}: {plain_text(reason)}" for case, reason in failures.items())
        sections.append(("Cases that could not be audited", listed, []))
    if notes:
        sections.append(("How the labels were read", "\n".join(f"- {plain_text(note)}" for note in notes), []))
    return write_page(path, title, sections, STYLE + _cards(records) + SCRIPT)


def _result(summary: Mapping[str, Any], caution: str, unit: str) -> str:
    judged = summary["judged"]
    said = f"{summary['suspicious']} of {judged} labels that could be judged are suspicious."
    lines = [
        f"**{said}** {plain_text(summary['advice'])}" if judged else f"**{plain_text(summary['advice'])}**",
        *([plain_text(caution)] if caution else []),
    ]
    if summary.get("changes"):
        lines.append(plain_text(summary["changes"]["said"]))
    if judged >= FEW_CASES:
        lines.append(
            f"By the probabilities below, {summary['expected_wrong']:.3g} labels are wrong; errors that do not stand "
            "apart as a group, as a few of different kinds, count as none, but come first in the list. The Dice of "
            f"the labels with the truth is expected to be {summary['expected_dice']:.2f} on average."
        )
    if summary["exchanged"]:
        pairs = ", ".join(f"{plain_text(first)} and {plain_text(second)}" for first, second in summary["exchanged"])
        lines.append(f"These labels look exchanged with each other: {pairs}.")
    if summary["not_judged"]:
        lines.append(
            f"Cases that could not be judged: {summary['not_judged']}. The network is unsure of them, which says "
            "nothing against their labels. They end the list, those first whose labels surprise it most."
        )
    if summary["structures"]:
        lines.append(
            f"{summary['missing']} of {summary['structures']} predicted structures are not labeled, in suspicious "
            "labels and others: choose the kind **missing** below."
        )
    border = summary["border"]
    if border and border["a_mm"] is not None:
        low, high = border["a_interval"]
        length = "" if border["b_mm"] is None else f", over a correlation length b of {border['b_mm']:.3g} {unit}"
        lines.append(
            f"Borders of the labels that are not suspicious deviate from the predictions by a = {border['a_mm']:.3g} "
            f"{unit} (95 % interval {low:.3g} to {high:.3g}){length}; the network's own errors are in it."
        )
    return "\n\n".join(lines)


def _percent(probability: float) -> str:
    """Rounded, but no certainty where there is none."""
    return (
        "< 1 %" if probability < 0.01 else "> 99 %" if probability > 0.99 else f"{probability:.0%}".replace("%", " %")
    )


def _signed(length: float) -> str:
    """With a sign, and no −0.00."""
    return f"{round(length, 2) + 0.0:+.2f}"


def habit_sentences(found: Mapping[str, Any], unit: str = "mm") -> list[str]:
    """What `common.audit.habits` found, in words.

    Args:
        found: of `common.audit.annotator_habits`.
        unit: of lengths.

    Returns:
        A sentence for each finding.

    Example:
        >>> shift = {"mean": -0.5, "low": -0.8, "high": -0.2}
        >>> missed = {"share": 0.0, "low": 0.0, "high": 0.0, "of": 0}
        >>> found = {"border_shift": shift, "sides": {}, "missed": missed, "missed_small": missed, "drift": None}
        >>> habit_sentences(found, "pixels")[0].split(' (')[0]
        'Borders of labels that are not suspicious lie 0.50 pixels inside of the predictions'
    """
    said = []
    shift, moved = found["border_shift"], found["drift"]
    if shift["mean"] is not None:
        interval = (
            "" if shift["low"] is None else f" (95 % interval {_signed(shift['low'])} to {_signed(shift['high'])})"
        )
        side = "outside" if shift["mean"] >= 0 else "inside"
        said.append(
            f"Borders of labels that are not suspicious lie {abs(shift['mean']):.2f} {unit} {side} of the predictions"
            f"{interval}."
        )
    sides = {word: value for word, value in found["sides"].items() if value is not None}
    if sides and shift["mean"] is not None:
        word = max(sides, key=lambda one: abs(sides[one] - shift["mean"]))
        said.append(f"The mean differs most at the side that looks {word}: {_signed(sides[word])} {unit}.")
    for name, text in (
        ("missed", "predicted structures"),
        ("missed_small", "of them that are smaller than the median"),
    ):
        if found[name]["of"]:
            one = found[name]
            interval = (
                "" if one["low"] is None else f" (95 % interval {100 * one['low']:.1f} to {100 * one['high']:.1f})"
            )
            said.append(f"{100 * one['share']:.1f} % of {one['of']} {text} are not labeled{interval}.")
    if moved is not None:
        order = "the names of the cases" if moved["by"] == "name" else "the given order"
        significant = moved["p"] < CERTAIN
        said.append(
            ("Drifts" if significant else f"No drift is seen (at p < {CERTAIN:g})")
            + f" over {order}: these borders lie {_signed(moved['first'])} {unit} from the predictions (+ outside) in "
            f"the first third and {_signed(moved['last'])} {unit} in the last (rank "
            f"correlation {_signed(moved['rho'])}, 95 % interval "
            f"{_signed(moved['low'])} to {_signed(moved['high'])}, p = {moved['p']:.2g})."
        )
    return said


def plain_text(text: object) -> str:
    """Text in which nothing is taken for markup.

    Args:
        text: anything.

    Returns:
        With a backslash before each sign of markup.

    Example:
        >>> print(plain_text("a*b"))
        a\\*b
    """
    return "".join(f"\\{sign}" if sign in "*`\\|" else sign for sign in str(text))


def _cards(records: Sequence[Mapping[str, Any]]) -> str:
    kinds = sorted({kind["name"] for record in records for kind in record["kinds"]} | {r["kind"] for r in records})
    options = "".join(f"<option>{html.escape(kind)}</option>" for kind in kinds)
    cards = "\n".join(_card(record) for record in records)
    return f"""<h2>The cases</h2>
<p><span class="key label"></span>label &nbsp; <span class="key prediction"></span>prediction &nbsp; white where they
coincide. Suspicious labels have a red border. Of each case: the probability that the label is wrong, and the Dice to
expect of the label with the truth. Suspicious labels come first, each group by surprise.</p>
<div class="tools">
<label>Sort by <select id="order"><option value="rank">surprise</option>
<option value="expected">expected Dice</option>
<option value="dice">Dice with the prediction</option>
<option value="certainty">certainty</option><option value="case">name</option></select></label>
<label>Show <select id="status"><option value="">all</option><option>suspicious</option><option>usual</option>
<option>not judged</option></select></label>
<label>Kind <select id="kind"><option value="">all</option>{options}</select></label>
<label>Name <input id="text" type="search" size="12"></label> <span id="count"></span>
</div>
<ul class="cards" id="cards">
{cards}
</ul>"""


def _card(record: Mapping[str, Any]) -> str:
    names = "|".join(dict.fromkeys([record["kind"], *(kind["name"] for kind in record["kinds"])]))
    found = "; ".join(dict.fromkeys([record["finding"], *(kind["message"] for kind in record["kinds"][:3])]))
    probability = record["wrong_probability"]
    judged = "not judged"
    if probability is not None:
        judged = f"wrong with probability {_percent(probability)}, expected Dice {record['expected_dice']:.2f}"
    if record.get("changed"):
        found += f"; label changed, was {record['previous_status']}"
    elif record.get("previous_status") not in (None, record["status"]):
        found += f"; was {record['previous_status']}"
    shown = {"rank": record["rank"], "case": record["case"], "status": record["status"], "kinds": names}
    shown |= {
        "expected": f"{record['expected_dice']:.4f}",
        "dice": f"{record['dice']:.4f}",
        "certainty": f"{record['certainty']:.4f}",
    }
    data = " ".join(f'data-{key}="{html.escape(str(value))}"' for key, value in shown.items())
    name = html.escape(str(record["case"]))
    return (
        f'<li class="card {html.escape(record["status"].replace("not ", ""))}" {data}>'
        f'<img loading="lazy" alt="outlines of {name}" src="{record["thumbnail"]}">'
        f"<b>{record['rank']}. {name}</b>{html.escape(judged)}<br>{html.escape(found)}</li>"
    )
