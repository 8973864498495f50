"""Results of repeated runs as JSON, and tables of them in documents.

A results file holds what a table and its figure show::

    {"title": "Dice on the Shenzhen test images", "metric": "Dice",
     "settings": [{"setting": {"alpha": 0.7, "beta": 0.7},
                   "methods": {"T-Loss": {"seeds": [0, 1], "values": [0.87, 0.88], "mean": 0.875, "std": 0.007}, …},
                   "best": "T-Loss", "anova_p": 0.001, "best_is_significant": true}, …]}

A run whose value is nan was not measured: it is left out of its cell, which counts it under ``"missing"``; of a cell
with nothing else ``mean`` and ``std`` are null.

A setting of the one key ``measure`` is another measure of the same runs; where lower is better it has
``"lower_is_better": true``. A setting may compare pairs of methods subject by subject::

    "comparisons": [{"methods": ["BWCR", "DA"], "relative_change": -0.34, "p": 0.0002, "subjects": 25}, …]

`write_results` adds scale, configuration, seeds and commit beside these keys.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import textwrap
from collections.abc import Collection, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from benchmarks.report.statistics import compare_groups, mean_and_std
from common.errors import InputError
from common.io.files import whole_file
from common.report.tables import markdown_table

LINE_LENGTH = 120
GREEK = {"alpha": "α", "beta": "β"}


def summarize_runs(
    runs: Sequence[Mapping[str, Any]],
    title: str,
    metric: str = "Dice",
    lower_is_better: Collection[str] = (),
    references: Set[str] = frozenset(),
) -> dict[str, Any]:
    """Mean, standard deviation and significance of each method in each setting, from one value per run.

    Settings and methods keep the order in which they first appear. ANOVA and Tukey's test are made in every setting
    where at least two methods have at least two seeds each and no run is missing (which ones are may not be chance);
    elsewhere ``anova_p`` is None and nothing is significant.

    Args:
        runs: ``{"method": name, "setting": {name: number}, "seed": integer, "value": number}`` each; a value that is
            not finite counts as missing.
        title: what was measured on which data.
        metric: its name; higher is better.
        lower_is_better: measures (values of ``measure`` in the settings) of which lower is better.
        references: methods that stand in the table to be compared with, such as a ceiling: never best, not tested.

    Returns:
        The content of a results file, see the module's docstring; ``std`` of a single seed is None, and ``best`` where
        nothing was measured.

    Raises:
        InputError: no runs, or a method twice in one setting with one seed.

    Example:
        >>> run = {"method": "T-Loss", "setting": {"alpha": 0.7}, "seed": 0, "value": 0.87}
        >>> summarize_runs([run], "Dice on clean labels")["settings"][0]["methods"]["T-Loss"]["mean"]
        0.87
    """
    if not runs:
        raise InputError(f"the table {title!r} needs at least one run, got none.")
    settings: dict[str, dict[str, Any]] = {}
    for run in runs:
        entry = settings.setdefault(setting_label(run["setting"]), {"setting": dict(run["setting"]), "methods": {}})
        cell = entry["methods"].setdefault(run["method"], {"seeds": [], "values": [], "missing": []})
        if run["seed"] in cell["seeds"] or run["seed"] in cell["missing"]:
            raise InputError(f"{run['method']} has seed {run['seed']} twice at {setting_label(run['setting'])}.")
        if math.isfinite(run["value"]):
            cell["seeds"].append(run["seed"])
            cell["values"].append(float(run["value"]))
        else:
            cell["missing"].append(run["seed"])
    for entry in settings.values():
        methods = entry["methods"]
        for cell in methods.values():
            mean, std = mean_and_std(cell["values"]) if cell["values"] else (math.nan, math.nan)
            cell |= {name: None if math.isnan(x) else x for name, x in (("mean", mean), ("std", std))}
            cell["missing"] = len(cell["missing"])
        sign = 1
        if entry["setting"].get("measure") in lower_is_better:
            entry["lower_is_better"], sign = True, -1
        for name in references & methods.keys():
            methods[name]["reference"] = True
        compared = {name: cell for name, cell in methods.items() if name not in references}
        known = [name for name, cell in compared.items() if cell["values"]]
        entry["best"] = max(known, key=lambda name: sign * methods[name]["mean"]) if known else None
        entry["anova_p"], entry["best_is_significant"] = None, False
        if len(compared) > 1 and all(len(cell["values"]) > 1 and not cell["missing"] for cell in compared.values()):
            comparison = compare_groups({name: [sign * x for x in cell["values"]] for name, cell in compared.items()})
            entry["anova_p"], entry["best_is_significant"] = comparison.anova_p, comparison.best_is_significant
            for name, cell in compared.items():
                cell["tukey_p"] = None if name == comparison.best else comparison.tukey[comparison.best, name]
    return {"title": title, "metric": metric, "settings": list(settings.values())}


def write_results(
    path: str | os.PathLike[str],
    summary: Mapping[str, Any],
    runs: Sequence[Mapping[str, Any]],
    scale: str,
    configuration: Mapping[str, Any],
) -> Path:
    """Writes a results file, whole or not at all.

    Args:
        path: of the JSON file.
        summary: content of `summarize_runs` and whatever else was measured.
        runs: that it sums up; their seeds are recorded.
        scale: desk or paper.
        configuration: what differs from the bundle's configuration.

    Returns:
        The path. ``commit`` in the file is that of the Git checkout in which the command runs, None outside of one.
    """
    git = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    record = {
        "scale": scale,
        "configuration": dict(configuration),
        "seeds": sorted({run["seed"] for run in runs}),
        "commit": git.stdout.strip() or None,
    }
    content = json.dumps(_without_nan({**summary, **record}), indent=1, ensure_ascii=False, allow_nan=False)
    with whole_file(path) as partial:
        partial.write_text(content + "\n", encoding="utf-8")
    return Path(path)


def _without_nan(value: Any) -> Any:
    """``value`` with None for every number that is not finite, which JSON cannot say."""
    if isinstance(value, Mapping):
        return {key: _without_nan(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def load_results(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The content of a results file.

    Raises:
        InputError: the file is missing, is not JSON, or has other keys than `summarize_runs` writes.
    """
    try:
        results = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist: expected a results file (JSON).") from error
    except (ValueError, OSError) as error:
        raise InputError(f"{path} cannot be read as a results file (JSON): {error}.") from error
    missing = [key for key in ("title", "metric", "settings") if not isinstance(results, dict) or not results.get(key)]
    if missing:
        raise InputError(f"{path} is no results file: it lacks {', '.join(missing)}.")
    return results


def setting_label(setting: Mapping[str, Any]) -> str:
    """How a setting is called in tables and figures.

    Example:
        >>> setting_label({"alpha": 0.7, "beta": 0.5})
        'α = 0.7, β = 0.5'
        >>> setting_label({"measure": "Dice"})
        'Dice'
    """
    if list(setting) == ["measure"]:
        return str(setting["measure"])
    return ", ".join(f"{GREEK.get(name, name)} = {value}" for name, value in setting.items())


def method_names(results: Mapping[str, Any]) -> list[str]:
    """The methods of all settings, in order of first appearance."""
    return list(dict.fromkeys(name for entry in results["settings"] for name in entry["methods"]))


def was_measured(entry: Mapping[str, Any], name: str) -> bool:
    """Whether a method was measured in a setting."""
    return entry["methods"].get(name, {}).get("mean") is not None


def results_table(results: Mapping[str, Any]) -> str:
    r"""Results as a Markdown table: methods in rows, settings in columns, and a line that says how to read it.

    Cells are ``0.870 ± 0.031`` (mean and standard deviation over seeds; a single seed has no deviation), ``–`` where
    nothing was run or measured. Runs without a value are counted under the table. The best of a column is bold, and all
    that print alike, with ``*`` where ANOVA and Tukey's test against every other method give p < 0.05. ``↓`` marks
    columns of which lower is better. Comparisons of
    pairs of methods end the table: the relative change, and p.

    Args:
        results: of `summarize_runs` or `load_results`.
    """
    settings = results["settings"]
    lower = any(entry.get("lower_is_better") for entry in settings)
    header = ["Method", *(setting_label(entry["setting"]) + _arrow(entry) for entry in settings)]
    rows = [[name, *(_cell(entry, name) for entry in settings)] for name in method_names(results)]
    compared = [{tuple(found["methods"]): found for found in entry.get("comparisons", ())} for entry in settings]
    pairs = list(dict.fromkeys(pair for found in compared for pair in found))
    for pair in pairs:
        rows.append([f"{pair[0]} against {pair[1]}", *(_change(found.get(pair)) for found in compared)])
    cells = [(entry, name, cell) for entry in settings for name, cell in entry["methods"].items()]
    counts = sorted({len(cell["values"]) for _, _, cell in cells})
    seeds = " to ".join(str(count) for count in dict.fromkeys((counts[0], counts[-1])))
    title = results["title"]
    note = f"{title[:1].upper()}{title[1:]}. {results['metric']}, mean"
    note += f" ± standard deviation over {seeds} seeds" if counts[-1] > 1 else " of one seed"
    note += f"; **bold**: the {'best' if lower else 'highest'} of a column" + (", ↓: lower is better" if lower else "")
    if any(entry["anova_p"] is not None for entry in settings):
        above = "better than" if lower else "above"
        note += rf"; \*: significantly {above} every other row (ANOVA and Tukey's HSD, p < 0.05)"
    if references := list(dict.fromkeys(name for _, name, cell in cells if cell.get("reference"))):
        note += f"; not compared: {', '.join(references)}"
    if pairs:
        every = [one for found in compared for one in found.values()]
        subjects = max(one["subjects"] for one in every)
        note += f"; p: paired permutation test over {subjects} subjects, each with its mean over seeds"
        note += ", not corrected for the number of comparisons" if len(pairs) > 1 else ""
        if left_out := max(one.get("left_out", 0) for one in every):
            note += f" (up to {left_out} left out, without a value of both)"
    missing = [
        f"{name} at {setting_label(entry['setting'])} {cell['missing']} of {cell['missing'] + len(cell['values'])}"
        for entry, name, cell in cells
        if cell.get("missing")
    ]
    if missing:
        note += f"; without a value, and left out: {', '.join(missing)}"
    return f"{markdown_table(header, rows)}\n\n{note}."


def _arrow(entry: Mapping[str, Any]) -> str:
    return " ↓" if entry.get("lower_is_better") else ""


def _change(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "–"
    return f"{100 * found['relative_change']:+.1f} %".replace("-", "−") + f", p = {found['p']:.2g}"


def _cell(entry: Mapping[str, Any], name: str) -> str:
    cell = entry["methods"].get(name)
    if cell is None or cell["mean"] is None:
        return "–"
    mean = f"{cell['mean']:.3f}"
    text = mean + ("" if cell["std"] is None else f" ± {cell['std']:.3f}")
    if cell.get("reference") or mean != f"{entry['methods'][entry['best']]['mean']:.3f}":
        return text
    return f"**{text}**" + (r"\*" if name == entry["best"] and entry["best_is_significant"] else "")


def _wrapped(line: str) -> str:
    return textwrap.fill(line, LINE_LENGTH, break_long_words=False, break_on_hyphens=False) if line else line


def insert_between_markers(file: str | os.PathLike[str], name: str, text: str, check: bool = False) -> bool:
    """Replaces what stands between ``<!-- results:NAME -->`` and ``<!-- /results:NAME -->`` in a document.

    Args:
        file: Markdown document, UTF-8.
        name: of the pair of markers.
        text: to stand between them, with an empty line on both sides; prose is wrapped at 120 characters.
        check: compare only, do not write.

    Returns:
        Whether the document already said so.

    Raises:
        InputError: the document is missing, or does not hold exactly one such pair of markers.
    """
    path = Path(file)
    if not path.is_file():
        raise InputError(f"{path} does not exist: expected a document with the markers results:{name}.")
    opening, closing = f"<!-- results:{name} -->", f"<!-- /results:{name} -->"
    document = path.read_text(encoding="utf-8")
    before, found, rest = document.partition(opening)
    old, closed, after = rest.partition(closing)
    if not (found and closed) or document.count(opening) != 1 or document.count(closing) != 1:
        raise InputError(f"{path} must hold {opening} once and {closing} once after it.")
    lines = [line if line.startswith(("|", "#")) else _wrapped(line) for line in text.strip().split("\n")]
    new = "\n\n" + "\n".join(lines) + "\n\n"
    if not check and new != old:
        with whole_file(path) as partial:
            partial.write_text(before + opening + new + closing + after, encoding="utf-8")
    return new == old
