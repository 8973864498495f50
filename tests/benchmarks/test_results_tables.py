from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from benchmarks.report.curves import draw_dice_by_setting
from benchmarks.report.tables import insert_between_markers, load_results, results_table, summarize_runs, write_results
from common.errors import InputError

CLEAN, NOISY = {"alpha": 0.0}, {"alpha": 0.7, "beta": 0.7}
EMPTY = '{"title": "Table 2", "metric": "Dice", "settings": []}'
VALUES = {
    "GCE": ([0.940, 0.950, 0.960], [0.790, 0.800, 0.810]),
    "T-Loss": ([0.940, 0.950, 0.961], [0.860, 0.870, 0.895]),
}


def make_runs(seeds: int = 3) -> list[dict[str, Any]]:
    return [
        {"method": method, "setting": setting, "seed": seed, "value": value}
        for method, columns in VALUES.items()
        for setting, values in zip((CLEAN, NOISY), columns, strict=True)
        for seed, value in list(enumerate(values))[:seeds]
    ]


def test_summary_of_runs() -> None:
    results = summarize_runs(make_runs(), "Dice on clean labels")
    assert [entry["setting"] for entry in results["settings"]] == [CLEAN, NOISY]
    cell = results["settings"][1]["methods"]["T-Loss"]
    assert cell["seeds"] == [0, 1, 2]
    assert cell["values"] == [0.860, 0.870, 0.895]
    assert cell["mean"] == pytest.approx(0.875)
    assert cell["std"] == pytest.approx(((0.015**2 + 0.005**2 + 0.02**2) / 2) ** 0.5)
    assert results["settings"][1]["best"] == "T-Loss"
    assert results["settings"][1]["methods"]["GCE"]["tukey_p"] < 0.05
    assert [entry["best_is_significant"] for entry in results["settings"]] == [False, True]
    assert json.loads(json.dumps(results, allow_nan=False)) == results


def test_table_of_results() -> None:
    table, note = results_table(summarize_runs(make_runs(), "Dice on clean labels")).split("\n\n")
    assert table.splitlines() == [
        "| Method | α = 0.0 | α = 0.7, β = 0.7 |",
        "| :--- | ---: | ---: |",
        "| GCE | **0.950 ± 0.010** | 0.800 ± 0.010 |",
        r"| T-Loss | **0.950 ± 0.011** | **0.875 ± 0.018**\* |",
    ]
    assert note.startswith("Dice on clean labels. Dice, mean ± standard deviation over 3 seeds")
    assert "p < 0.05" in note


def test_table_of_one_seed_has_no_deviation_and_no_stars() -> None:
    table = results_table(summarize_runs(make_runs(seeds=1), "Dice"))
    assert "| T-Loss | **0.940** | **0.860** |" in table
    assert "of one seed" in table
    assert "±" not in table
    assert r"\*" not in table


def test_missing_cells_and_unequal_seeds() -> None:
    runs = [run for run in make_runs() if (run["method"], run["setting"]) != ("GCE", NOISY)]
    results = summarize_runs([run for run in runs if run["setting"] != CLEAN or run["seed"] < 2], "Dice")
    assert results["settings"][1]["anova_p"] is None
    table = results_table(results)
    assert "| GCE | **0.945 ± 0.007** | – |" in table
    assert "over 2 to 3 seeds" in table


def test_a_reference_is_not_compared() -> None:
    """Whatever it reaches, the comparison and the best are those of the others."""
    ceiling = [{"method": "Ceiling", "setting": NOISY, "seed": seed, "value": 0.99} for seed in range(3)]
    alone = summarize_runs(make_runs(), "Dice")["settings"]
    results = summarize_runs([*make_runs(), *ceiling], "Dice", references={"Ceiling"})
    methods = results["settings"][1]["methods"]
    assert methods.pop("Ceiling")["mean"] == pytest.approx(0.99)
    assert results["settings"] == alone
    table = results_table(summarize_runs([*make_runs(), *ceiling], "Dice", references={"Ceiling"}))
    assert "| Ceiling | – | 0.990 ± 0.000 |" in table and "not compared: Ceiling" in table
    assert r"**0.875 ± 0.018**\*" in table


def test_runs_that_cannot_be_summarized() -> None:
    with pytest.raises(InputError, match=r"GCE has seed 0 twice at α = 0\.0"):
        summarize_runs([*make_runs(), make_runs()[0]], "Dice")
    with pytest.raises(InputError, match="'Table 2' needs at least one run"):
        summarize_runs([], "Table 2")


def test_results_file(tmp_path: Path) -> None:
    results = summarize_runs(make_runs(), "Dice")
    path = tmp_path / "results.json"
    path.write_text(json.dumps(results | {"commit": "0236eac"}), encoding="utf-8")
    assert results_table(load_results(path)) == results_table(results)
    for content, message in (
        ("{", "cannot be read"),
        ("[]", "lacks title, metric, settings"),
        (EMPTY, "lacks settings"),
    ):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(InputError, match=rf"results\.json.*{message}"):
            load_results(path)
    with pytest.raises(InputError, match=r"missing\.json does not exist"):
        load_results(tmp_path / "missing.json")


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "README.md"
    path.write_text("# Käse\n<!-- results:a -->\nold\n<!-- /results:a -->\nrest\n", encoding="utf-8")
    return path


def test_text_between_markers(document: Path) -> None:
    assert not insert_between_markers(document, "a", "0.870 ± 0.031\n", check=True)
    assert "old" in document.read_text(encoding="utf-8")
    assert not insert_between_markers(document, "a", "0.870 ± 0.031\n")
    expected = "# Käse\n<!-- results:a -->\n\n0.870 ± 0.031\n\n<!-- /results:a -->\nrest\n"
    assert document.read_text(encoding="utf-8") == expected
    assert insert_between_markers(document, "a", "0.870 ± 0.031", check=True)
    assert insert_between_markers(document, "a", "0.870 ± 0.031")
    assert document.read_text(encoding="utf-8") == expected


@pytest.mark.parametrize(
    "content",
    [
        "no markers",
        "<!-- results:a --> never closed",
        "<!-- /results:a --> before <!-- results:a -->",
        "<!-- results:a --><!-- /results:a --> twice <!-- results:a --><!-- /results:a -->",
        "<!-- results:ab --><!-- /results:ab -->",
    ],
)
def test_documents_without_markers(document: Path, content: str) -> None:
    document.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"README\.md must hold <!-- results:a -->"):
        insert_between_markers(document, "a", "text")
    assert document.read_text(encoding="utf-8") == content


def test_missing_document(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.md does not exist"):
        insert_between_markers(tmp_path / "nowhere.md", "a", "text")


def test_results_file_records_how_it_was_made(tmp_path, monkeypatch):
    """Outside of a Git checkout there is no commit to record, and that is no reason to lose the results."""
    runs = [{"method": "T-Loss", "setting": {"alpha": 0.7}, "seed": seed, "value": 0.8} for seed in (1, 0)]
    monkeypatch.chdir(tmp_path)
    path = write_results(tmp_path / "a.json", summarize_runs(runs, "Dice"), runs, "desk", {"max_epochs": 3})
    results = load_results(path)
    assert results["seeds"] == [0, 1] and results["scale"] == "desk" and results["configuration"] == {"max_epochs": 3}
    assert results["commit"] is None


def test_measures_of_which_lower_is_better() -> None:
    """The lowest is best and bold, and a comparison by subjects ends the table."""
    values = {"DA": (0.70, 0.30), "CR": (0.69, 0.25), "BWCR": (0.71, 0.20)}
    runs = [
        {"method": method, "setting": {"measure": measure}, "seed": seed, "value": value + 0.001 * seed}
        for method, pair in values.items()
        for measure, value in zip(("Dice", "ECE"), pair, strict=True)
        for seed in range(3)
    ]
    results = summarize_runs(runs, "Of 25 subjects", "Each column", lower_is_better=["ECE"])
    dice, ece = results["settings"]
    assert (dice["best"], ece["best"], ece["lower_is_better"]) == ("BWCR", "BWCR", True)
    assert "lower_is_better" not in dice and ece["best_is_significant"]
    pair = {"methods": ["BWCR", "DA"], "relative_change": -1 / 3, "p": 0.00019998, "subjects": 25}
    ece["comparisons"] = [pair, pair | {"methods": ["BWCR", "CR"], "p": 0.25}]
    lines = results_table(results).splitlines()
    assert lines[0] == "| Method | Dice | ECE ↓ |"
    assert lines[2] == "| DA | 0.701 ± 0.001 | 0.301 ± 0.001 |"
    assert lines[4] == r"| BWCR | **0.711 ± 0.001**\* | **0.201 ± 0.001**\* |"
    assert lines[5:7] == [
        "| BWCR against DA | – | −33.3 %, p = 0.0002 |",
        "| BWCR against CR | – | −33.3 %, p = 0.25 |",
    ]
    assert "the best of a column, ↓: lower is better" in lines[-1] and "over 25 subjects" in lines[-1]
    assert "not corrected" in lines[-1]
    ece["comparisons"] = [pair]
    assert "not corrected" not in results_table(results)


def test_a_run_without_a_value_is_counted_and_no_result(tmp_path: Path) -> None:
    """Neither the best, nor in a mean, nor in a test: a seed that failed may not make its method better or starred."""
    runs = make_runs()
    for run in runs:
        if (run["method"], run["setting"], run["seed"]) == ("T-Loss", NOISY, 0):
            run["value"] = math.nan
        if (run["method"], run["setting"]) == ("GCE", CLEAN):
            run["value"] = math.nan
    results = summarize_runs(runs, "Dice")
    clean, noisy = results["settings"]
    assert noisy["methods"]["T-Loss"] == {
        "seeds": [1, 2],
        "values": [0.870, 0.895],
        "missing": 1,
        "mean": pytest.approx(0.8825),
        "std": pytest.approx(0.0125 * 2**0.5),
    }
    assert noisy["best"] == "T-Loss" and noisy["anova_p"] is None and not noisy["best_is_significant"]
    assert clean["methods"]["GCE"]["mean"] is None and clean["methods"]["GCE"]["missing"] == 3
    assert clean["best"] == "T-Loss"
    table, note = results_table(results).split("\n\n")
    assert "| GCE | – | 0.800 ± 0.010 |" in table and "nan" not in table
    assert note.endswith("without a value, and left out: GCE at α = 0.0 3 of 3, T-Loss at α = 0.7, β = 0.7 1 of 3.")
    path = write_results(tmp_path / "a.json", results | {"matrix": [[0.5, math.nan]]}, runs, "desk", {})
    assert load_results(path)["matrix"] == [[0.5, None]] and "NaN" not in path.read_text(encoding="utf-8")
    draw_dice_by_setting(results, tmp_path / "a.png")


def test_nothing_measured_has_no_best() -> None:
    results = summarize_runs([run | {"value": math.nan} for run in make_runs()], "Dice")
    assert [entry["best"] for entry in results["settings"]] == [None, None]
    assert "| T-Loss | – | – |" in results_table(results)
