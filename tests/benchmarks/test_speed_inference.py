"""The table of time and memory of inference, on a volume that takes no time."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

from benchmarks import inference_volume, speed_inference


def test_a_bundle_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process, which stands for both checkouts."""
    found: list[dict[str, float]] = []

    def here(checkout: Path, bundle: str, volume: Path, **options: bool) -> dict[str, float]:
        if not found:
            plan = speed_inference.AS_BASE[bundle]
            found.append(
                inference_volume.measure(bundle, str(volume), "cpu", torch.get_num_threads(), plan, {"amp": True})
            )
            assert list(volume.parent.glob(f"{bundle}/output/*_mask.nii.gz"))
            written = json.loads((volume.parent / bundle / "plan.json").read_text())
            assert {entry: written[entry] for entry in plan} == plan
        return {"cpu_seconds": found[0]["cpu_seconds"], "peak_over_start_mb": found[0]["peak_mb"]}

    monkeypatch.setattr(speed_inference, "measure", here)
    document = tmp_path / "page.md"
    document.write_text("<!-- results:speed_inference -->\n<!-- /results:speed_inference -->\n")
    speed_inference.main("base", (24, 20, 8), 1, ["marginal_thresholding"], str(tmp_path / "a.json"), str(document))
    assert found[0]["cpu_seconds"] > 0 and found[0]["peak_mb"] >= found[0]["start_mb"] > 0
    (row,) = [line for line in document.read_text().splitlines() if line.startswith("| marginal_thresholding |")]
    assert row.count("| 1.00 |") == 2, "the ratios"


def test_the_volume_has_a_bright_ball(tmp_path: Path) -> None:
    speed_inference.write_volume(tmp_path / "a.nii.gz", (24, 20, 8))
    values = np.asarray(nib.load(tmp_path / "a.nii.gz").dataobj)
    assert values.dtype == np.int16 and values.shape == (24, 20, 8)
    assert values[12, 10, 4] > 500 > values[0, 0, 0]
