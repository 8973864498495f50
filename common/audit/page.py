"""The page of an audit: one file with a card for each case, sorted and filtered without a server."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from common.audit.thumbnails import LABEL_COLOR, PREDICTION_COLOR
from common.report.page import Section, write_page

__all__ = ["write_audit_page"]

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

    Returns:
        The path.

    Raises:
        InputError: the file cannot be written.
    """
    sections: list[Section] = [("Result", _result(summary, caution), [])]
    if summary["kinds"]:
        rows = [["kind of the suspicious labels", "cases"], *([kind, n] for kind, n in summary["kinds"].items())]
        sections.append(("What is wrong", rows, []))
    if failures:
        listed = "\n".join(f"- {_plain(case)}: {_plain(reason)}" for case, reason in failures.items())
        sections.append(("Cases that could not be audited", listed, []))
    if notes:
        sections.append(("How the labels were read", "\n".join(f"- {_plain(note)}" for note in notes), []))
    return write_page(path, title, sections, STYLE + _cards(records) + SCRIPT)


def _result(summary: Mapping[str, Any], caution: str) -> str:
    judged = summary["judged"]
    lines = [
        f"**{summary['suspicious']} of {judged} labels that could be judged are suspicious.** "
        f"{_plain(summary['advice'])}",
        *([_plain(caution)] if caution else []),
    ]
    if summary["not_judged"]:
        lines.append(
            f"Cases that could not be judged: {summary['not_judged']}. The network is unsure of them, which says "
            "nothing against their labels."
        )
    if summary["structures"]:
        lines.append(
            f"{summary['missing']} of {summary['structures']} predicted structures are not labeled, also in labels "
            "that are not suspicious as a whole: choose the kind **missing** below."
        )
    border = summary["border"]
    if border and border["a_mm"] is not None:
        low, high = border["a_interval"]
        length = "" if border["b_mm"] is None else f", over a correlation length b of {border['b_mm']:.3g} mm"
        lines.append(
            f"Borders of the labels that are not suspicious deviate from the predictions by a = {border['a_mm']:.3g} "
            f"mm (95 % interval {low:.3g} to {high:.3g}){length}; the network's own errors are in it. Pixels of "
            "pictures count as 1 mm."
        )
    return "\n\n".join(lines)


def _plain(text: object) -> str:
    """Text in which nothing is taken for markup."""
    return "".join(f"\\{sign}" if sign in "*`\\|" else sign for sign in str(text))


def _cards(records: Sequence[Mapping[str, Any]]) -> str:
    kinds = sorted({kind["name"] for record in records for kind in record["kinds"]} | {r["kind"] for r in records})
    options = "".join(f"<option>{html.escape(kind)}</option>" for kind in kinds)
    cards = "\n".join(_card(record) for record in records)
    return f"""<h2>The cases</h2>
<p><span class="key label"></span>label &nbsp; <span class="key prediction"></span>prediction &nbsp; white where they
coincide. Suspicion counts spreads from what is usual; suspicious labels have a
red border.</p>
<div class="tools">
<label>Sort by <select id="order"><option value="rank">suspicion</option><option value="dice">Dice</option>
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
    suspicion = "not judged" if record["suspicion"] is None else f"suspicion {record['suspicion']:.1f}"
    shown = {"rank": record["rank"], "case": record["case"], "status": record["status"], "kinds": names}
    shown |= {"dice": f"{record['dice']:.4f}", "certainty": f"{record['certainty']:.4f}"}
    data = " ".join(f'data-{key}="{html.escape(str(value))}"' for key, value in shown.items())
    name = html.escape(str(record["case"]))
    return (
        f'<li class="card {html.escape(record["status"].replace("not ", ""))}" {data}>'
        f'<img loading="lazy" alt="outlines of {name}" src="{record["thumbnail"]}">'
        f"<b>{record['rank']}. {name}</b>{suspicion}, Dice {record['dice']:.2f}<br>{html.escape(found)}</li>"
    )
