"""Annotators compared over the same cases: who draws large, who misses, who drifts, and what the command writes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import binary_dilation, binary_erosion

from common.audit import annotator_habits, drift
from common.audit.__main__ import audit
from common.audit.habits import natural_order
from common.audit.order import check_order, read_order
from common.errors import InputError
from common.io.files import read_csv, write_csv

CASES = 12


def truth(case: int) -> np.ndarray:
    x, y = np.indices((64, 56))
    body = ((x - 20) / (9 + case % 3)) ** 2 + ((y - 24) / (12 + case % 4)) ** 2 < 1
    return body | (((x - 48) / 5) ** 2 + ((y - 14 - 2 * case) / 5) ** 2 < 1)


def save(array: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((array.T * 255).astype(np.uint8)).save(path)


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """Large draws two pixels outside, fine the truth, and tired ever smaller, from 10 on without the small disc."""
    for case in range(CASES):
        mask = truth(case)
        tired = binary_erosion(mask, iterations=case // 4) if case >= 4 else mask
        if case >= 10:
            tired = tired & (np.indices(mask.shape)[0] < 36)
        name = f"case{case}.png"
        save(binary_dilation(mask, iterations=2), tmp_path / "large" / name)
        save(mask, tmp_path / "fine" / name)
        save(tired, tmp_path / "tired" / name)
        save(mask * 0.9 + 0.05, tmp_path / "maps" / name)
    return tmp_path


def test_annotators_are_compared(three: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = [str(three / name) for name in ("large", "fine", "tired")]
    audit(",".join(folders), str(three / "maps"), str(three / "audit"), border_mm=1.5)  # type: ignore[arg-type]
    rows = {row["annotator"]: row for row in read_csv(three / "audit/annotators.csv")}
    assert float(rows["large"]["border_shift"]) == pytest.approx(2.0, abs=0.4)
    assert float(rows["fine"]["border_shift"]) == pytest.approx(0.0, abs=0.1)
    assert float(rows["large"]["shift_from_consensus_low"]) > 1 > float(rows["fine"]["shift_from_consensus_high"])
    assert float(rows["tired"]["drift_rho"]) < -0.8 and float(rows["tired"]["drift_p"]) < 0.01
    assert rows["fine"]["drift_p"] == "" or float(rows["fine"]["drift_p"]) > 0.05
    assert float(rows["tired"]["missed_small"]) == pytest.approx(2 / 12, abs=0.01)
    assert float(rows["fine"]["missed"]) == 0.0

    content = json.loads((three / "audit/annotators.json").read_text(encoding="utf-8"))
    assert len(content["dice"]) == 3 and content["unit"] == "pixels"
    assert "Draws larger than the consensus" in " ".join(content["sentences"]["large"])
    assert "Drifts over the names of the cases" in " ".join(content["sentences"]["tired"])
    page = (three / "audit/annotators.html").read_text(encoding="utf-8")
    assert 'href="tired/audit.html"' in page and 'href="consensus/annotators.html"' in page
    for name in ("large/audit.html", "tired/weights.csv", "consensus/annotators.csv"):
        assert (three / "audit" / name).is_file()
    assert "tired: " in capsys.readouterr().out


def test_an_annotator_has_values_of_the_own(three: Path) -> None:
    """Which mean the same as those of the others; alone, a folder has nobody whose they could be."""
    folders = [str(three / name) for name in ("large", "fine")]
    audit(",".join(folders), str(three / "maps"), str(three / "usual"), border_mm=1.5)  # type: ignore[arg-type]
    for case in range(CASES):  # of which 9 is the background
        mask = binary_dilation(truth(case), iterations=2)
        save(np.where(mask, 0, 9) / 255, three / "large" / f"case{case}.png")
    given = {"disc": 255, "large": {"background": 9, "disc": 0}}
    maps, output = str(three / "maps"), str(three / "own")
    audit(",".join(folders), maps, output, border_mm=1.5, class_values=given)  # type: ignore[arg-type]
    usual, own = (read_csv(three / name / "annotators.csv") for name in ("usual", "own"))
    assert own == usual
    with pytest.raises(InputError, match=r"class_values: expected one of each class, .* got those of large"):
        audit(folders[0], maps, str(three / "one"), class_values=given)  # type: ignore[arg-type]


def test_drift_by_a_given_order(three: Path) -> None:
    """By the dates in a file the last case was drawn first."""
    write_csv(three / "order.csv", [{"case": f"case{case}", "order": 20240200 - case} for case in range(CASES)])
    audit(
        str(three / "tired"), str(three / "maps"), str(three / "audit"), border_mm=1.5, order=str(three / "order.csv")
    )
    found = json.loads((three / "audit/audit.json").read_text(encoding="utf-8"))["summary"]["habits"]["drift"]
    assert found["rho"] > 0.8 and found["by"] == "order" and found["first"] < found["last"]
    for text, message in (("a,nan", "expected a number for a, got 'nan'"), ("a,1\na,2", "names a twice")):
        (three / "order.csv").write_text(f"case,order\n{text}\n", encoding="utf-8")
        with pytest.raises(InputError, match=message):
            read_order(three / "order.csv")
    with pytest.raises(InputError, match=r"order: .* expected a number for a, got 'x'"):
        write_csv(three / "order.csv", [{"case": "a", "order": "x"}])
        read_order(three / "order.csv")
    with pytest.raises(InputError, match=r"expected a table with the columns case and order, .* got 'case', 'date'"):
        write_csv(three / "order.csv", [{"case": "a", "date": 1}])
        read_order(three / "order.csv")
    (three / "order.csv").write_text("\ufeffcase,order\ncase1,1\n", encoding="utf-8")  # of a spreadsheet
    assert read_order(three / "order.csv") == {"case1": 1.0}
    check_order({"case1": 1.0}, ["case1", "case2"])
    for order, got in (({"case1.png": 1.0}, "got those of case1.png"), ({}, "got an empty table")):
        with pytest.raises(InputError, match=f"order: expected the places of the cases case1, {got}"):
            check_order(order, ["case1"])
    with pytest.raises(InputError, match=r"order: .* cannot be read \(No such file"):
        read_order(three / "none.csv")


def test_drift_of_nothing_is_seldom_significant() -> None:
    """p is uniform where there is no drift: of 200 data sets 1 to 22 have p < 0.05, with a probability of 0.9996."""
    random = np.random.default_rng(0)
    found = [drift(random.standard_normal(20), draws=400) for _ in range(200)]
    assert 1 <= sum(one is not None and one.p < 0.05 for one in found) <= 22
    assert 0.85 <= np.mean([one is not None and one.low <= 0 <= one.high for one in found]) <= 0.99


def test_drift_in_closed_form() -> None:
    rising = drift([float(value) for value in range(12)])
    assert rising is not None
    assert (
        rising.rho == pytest.approx(1.0)
        and rising.p == pytest.approx(1 / 2001)
        and (rising.first, rising.last) == (1.5, 9.5)
    )
    swapped = drift([1.0, 0.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, np.nan])
    assert swapped is not None and swapped.rho == pytest.approx(1 - 6 * 2 / (8 * 63)) and swapped.cases == 8
    assert drift([1.0] * 20) is None and drift([1.0, 2.0]) is None
    assert natural_order(["b2", "b10", "a", "10", "9"]) == ["9", "10", "a", "b2", "b10"]


def test_habits_leave_out_suspicious_labels() -> None:
    def record(case: int, shift: float, status: str = "usual") -> dict[str, object]:
        sizes = {"structure_sizes": [10.0, 1.0], "missing_sizes": [1.0] if case % 2 else []}
        return {"case": str(case), "status": status, "border_shift": shift, "sides": {"left": shift}, **sizes}

    found = annotator_habits(
        [*(record(case, 0.5) for case in range(6)), record(6, 90.0, "suspicious"), record(7, 9.0, "not judged")]
    )
    assert found["border_shift"] == {"mean": 0.5, "low": 0.5, "high": 0.5} and found["sides"] == {"left": 0.5}
    assert (found["missed"]["share"], found["missed"]["of"]) == (round(3 / 14, 4), 14)
    assert (found["missed_small"]["share"], found["missed_small"]["of"]) == (round(3 / 7, 4), 7)
    assert annotator_habits([])["border_shift"]["mean"] is None and annotator_habits([])["missed"]["share"] is None


def test_an_annotator_called_as_the_consensus(three: Path) -> None:
    (three / "fine").rename(three / "consensus")
    with pytest.raises(InputError, match="consensus: expected an annotator of another name"):
        audit([str(three / "consensus"), str(three / "large")], str(three / "maps"), str(three / "audit"))
    assert not (three / "audit").exists()
