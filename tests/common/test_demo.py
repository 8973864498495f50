"""The report of `make demo`, of runs that are played: what they train has its own tests."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from common.demo import BUNDLES, demo
from common.io.files import write_csv

VOLUME = np.pad(np.ones((6, 6, 2), np.uint8), ((4, 4), (4, 4), (1, 1)))


def played(source: Path, verb: str, *_: Any, **values: Any) -> None:
    """Writes what a run of the bundle would leave for the report."""
    folder = Path(values["output_dir"])
    folder.mkdir(parents=True, exist_ok=True)
    if verb == "training":
        write_csv(folder / "metrics.csv", [{"epoch": 1, "train_loss": 0.5}])
    elif verb == "evaluating":
        write_csv(folder / "evaluation/summary.csv", [{"case": "a", "dice": 0.75}, {"case": "b", "dice": 0.25}])
        cells = [{"annotator": "AR", "written": i, "true": j, "probability": 0.5} for i in "01" for j in "01"]
        write_csv(folder / "evaluation/confusion.csv", cells)
        row = {"class": "lesion", "bin": 1, "count": 10, "confidence": 0.9, "accuracy": 0.7}
        write_csv(folder / "evaluation/reliability.csv", [row])
    else:
        nib.save(nib.Nifti1Image(VOLUME, np.eye(4)), folder / "N_mask.nii.gz")
        write_csv(folder / "summary.csv", [{"case": "N"}])


def test_a_report_shows_what_the_runs_have_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = tmp_path / "bundles/disentangling_annotators"
    (bundle / "phantom/new").mkdir(parents=True)
    shutil.copytree(BUNDLES / "disentangling_annotators/configs", bundle / "configs")
    nib.save(nib.Nifti1Image(VOLUME.astype(np.float32), np.eye(4)), bundle / "phantom/new/N.nii.gz")
    monkeypatch.setattr("common.demo.run_bundle", played)
    demo(bundle.name, output=str(tmp_path), bundles_dir=bundle.parent)
    page = (tmp_path / bundle.name / "report.html").read_text()
    for title in ("What it has learned of each annotator", "How often its probabilities come true"):
        assert title in page
    assert page.count("<img") == 3
    assert "confusion matrices: 0.500" in capsys.readouterr().out
