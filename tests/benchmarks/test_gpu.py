"""What `make gpu` needs no GPU for: time, the record after every step, processes that fail, the tolerance."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from benchmarks import gpu, gpu_context, gpu_jobs, gpu_training
from benchmarks.gpu_jobs import Job, Results, Runner, latest_ends

STEP_BY_STEP = """
import json, sys, time
task = json.loads(sys.argv[1])
def report(**entry):
    with open(task["report"], "a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + chr(10))
for step in task["steps"]:
    if step == "fails":
        report(step=step, error="ValueError: it failed")
        sys.exit(75)
    if step == "dies":
        print("last words", flush=True)
        sys.exit(9)
    if step == "tells":
        report(step=step, unfinished=True, epochs=3)
    if step in ("tells", "hangs"):
        time.sleep(60)
    report(step=step, bundle=task["bundle"])
"""


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runner:
    """Its processes do as `STEP_BY_STEP` says, without PyTorch."""
    start = subprocess.Popen

    def popen(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        return start([sys.executable, "-S", "-c", STEP_BY_STEP, command[-1]], **options)

    monkeypatch.setattr(gpu_jobs.subprocess, "Popen", popen)
    return Runner(Results(tmp_path / "gpu.json", {"device": "cpu"}), {"device": "cpu", "work": str(tmp_path)}, 2)


def test_time_is_shared_and_the_last_part_has_the_rest() -> None:
    assert latest_ends(100, ["alone", "together", "study"]) == {"alone": 40, "together": 75, "study": 100}
    assert latest_ends(100, ["together"]) == {"together": 100}
    assert latest_ends(75, ["alone", "together"]) == pytest.approx({"alone": 40, "together": 75})


def test_a_failed_step_is_recorded_and_the_others_go_on(runner: Runner, tmp_path: Path) -> None:
    jobs = [Job("first", "bwcr", ["fails", "train", "dies", "export"]), Job("second", "t_loss", ["train"])]
    runner.run(jobs, 1, time.time() + 60)
    written = json.loads((tmp_path / "gpu.json").read_text(encoding="utf-8"))
    steps = written["steps"]["first"]
    assert {step: entry.get("bundle") for step, entry in steps.items()} == {
        "fails": None,
        "train": "bwcr",
        "dies": None,
        "export": "bwcr",
    }
    assert steps["dies"] == {"error": "the process ended with exit code 9", "log": ["last words"]}
    assert written["steps"]["second"]["train"] == {"bundle": "t_loss"}
    assert [line.split(":")[0] for line in written["failed"]] == ["first/fails", "first/dies"]


def test_what_a_step_reported_stays_when_the_time_is_up(
    runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def clock() -> float:
        steps = runner.results.content["steps"]
        return 100.0 if "study" in steps and "bwcr" in steps else 0.0

    monkeypatch.setattr(gpu_jobs, "time", SimpleNamespace(time=clock, sleep=time.sleep))
    jobs = [
        Job("study", "t_loss", ["tells"]),
        Job("bwcr", "bwcr", ["train", "hangs", "export"]),
        Job("late", "", ["a"]),
    ]
    runner.run(jobs, 2, 50.0)
    steps = json.loads((tmp_path / "gpu.json").read_text(encoding="utf-8"))["steps"]
    assert steps["study"]["tells"] == {"unfinished": True, "epochs": 3}
    assert steps["bwcr"]["train"] == {"bundle": "bwcr"}
    assert "stopped" in steps["bwcr"]["hangs"]["error"]
    assert "not started" in steps["bwcr"]["export"]["error"] and "not started" in steps["late"]["a"]["error"]


def test_every_step_is_written_before_the_next(tmp_path: Path) -> None:
    results = Results(tmp_path / "results/gpu.json", {"device": "cuda"})
    for count, step in enumerate(("train", "amp"), start=1):
        results.add("bwcr", {"step": step, "step_ms": 1.5})
        assert len(json.loads(results.path.read_text(encoding="utf-8"))["steps"]["bwcr"]) == count
    results.add("bwcr", {"step": "amp", "error": "ValueError: a loss is not finite"})
    assert json.loads(results.path.read_text(encoding="utf-8"))["failed"] == [
        "bwcr/amp: ValueError: a loss is not finite"
    ]
    assert [path.name for path in results.path.parent.iterdir()] == ["gpu.json"]


def test_loss_curves_agree_up_to_the_tolerance() -> None:
    assert gpu_training.check_agreement([2.0, 1.01], [2.0, 1.0]) == pytest.approx({"first": 0.0, "later": 0.01})
    for found in ([2.01, 1.0, 1.0], [2.0, 1.1, 1.0], [2.0, 1.0, float("nan")]):
        with pytest.raises(ValueError, match=r"loss: .* apart|finite"):
            gpu_training.check_agreement(found, [2.0, 1.0, 1.0])


def test_checkpoints_are_compared_bit_for_bit() -> None:
    one = {"epoch": 2, "objects": {"network": {"w": torch.tensor([1.0, 2.0])}, "steps": [torch.tensor(3)]}}
    other = {"epoch": 2, "objects": {"network": {"w": torch.tensor([1.0, 2.5])}, "steps": [torch.tensor(3)]}}
    assert gpu_training.different_tensors(one, one) == {}
    assert gpu_training.different_tensors(one, other) == {"/objects/network/w": 0.5}


def test_what_is_drawn_on_a_device_is_what_the_cpu_draws() -> None:
    real = torch.randperm
    torch.manual_seed(0)
    wanted = torch.randperm(5), torch.randn(3), torch.multinomial(torch.ones(4), 2)
    with gpu_training.drawn_on_the_cpu():
        torch.manual_seed(0)
        found = torch.randperm(5), torch.randn(3), torch.multinomial(torch.ones(4), 2)
        assert torch.randperm(5, device="meta").device.type == "meta"
    assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))
    assert torch.randperm is real


def test_every_bundle_is_there() -> None:
    assert sorted(gpu_context.BUNDLES) == gpu.BUNDLES


def test_a_mistyped_name_is_refused() -> None:
    with pytest.raises(SystemExit, match="t_los"):
        gpu.main("cpu", only="t_los")
