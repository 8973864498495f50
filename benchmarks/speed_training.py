"""Training of each bundle against a bare loop with the same network, loss, optimizer and batches.

    python -m benchmarks.speed_training [--bundles "['t_loss','bwcr']"] [--rounds 9] [--steps 40] [--device cpu]
                                        [--output docs/results/speed_training.json] [--document docs/performance.md]

Epochs of the two take turns in one process. The bundle's has everything that a training has but validation: engine,
handlers, tables, checkpoints, loading from its cache and augmentation. The bare loop's batches lie on the device, as
`prepare_batch` gave them. Of each round the ratio of the two epochs' samples per second; median and spread (largest
minus smallest). One thread. What is not measured anew keeps its place in the file and the table.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import fire
import torch
from ignite.engine import Engine, Events
from monai.bundle import ConfigWorkflow

from benchmarks.report.tables import insert_between_markers
from common.io.files import whole_file
from common.report.tables import markdown_table

REPOSITORY = Path(__file__).resolve().parents[1]
BUNDLES = sorted(path.parents[1].name for path in REPOSITORY.glob("bundles/*/configs/train.yaml"))
RESIDENT = 4  # batches of the bare loop


def training(bundle: str, folder: str, device: str, epochs: int, steps: int) -> Any:
    """The trainer of a bundle on its phantom, with epochs of ``steps`` steps and without validation."""
    root = REPOSITORY / "bundles" / bundle
    values: dict[str, Any] = {"max_epochs": epochs, "val_interval": 10**6, "train#trainer#epoch_length": steps}
    values |= {"dataset_dir#folder": f"{folder}/phantom"}
    workflow = ConfigWorkflow(
        config_file=str(root / "configs/train.yaml"),
        workflow_type="train",
        logging_file=False,
        bundle_root=str(root),
        output_dir=folder,
        ckpt_dir=folder,
        device=device,
        **values,
    )
    workflow.initialize()
    return workflow.trainer


def bare_loop(trainer: Any, device: str, steps: int) -> Callable[[], None]:
    """An epoch of a loop that has nothing but network, loss and optimizer."""
    prepared = []
    for batch, _ in zip(trainer.data_loader, range(RESIDENT), strict=False):
        inputs, targets, *more = trainer.prepare_batch(batch, torch.device(device))
        prepared.append((inputs, targets, *(more or ((), {}))))
    network, optimizer, loss = trainer.network, trainer.optimizer, trainer.loss_function
    scaler = torch.amp.GradScaler(device.partition(":")[0], enabled=trainer.amp)

    def epoch() -> None:
        network.train()
        for step in range(steps):
            inputs, targets, arguments, named = prepared[step % len(prepared)]
            optimizer.zero_grad()
            with torch.autocast(device.partition(":")[0], enabled=trainer.amp):
                value = loss(trainer.inferer(inputs, network, *arguments, **named), targets).mean()
            scaler.scale(value).backward()
            scaler.step(optimizer)
            scaler.update()

    return epoch


def now(device: str) -> float:
    """Seconds of the wall clock, when a GPU has done all that it was given."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter()


def measure(bundle: str, rounds: int, steps: int, device: str) -> dict[str, Any]:
    """Milliseconds of a step of the bundle and of the bare loop in each round; the first of both is not timed."""
    times: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        trainer = training(bundle, folder, device, rounds + 1, steps)
        bare = bare_loop(trainer, device, steps)
        start = now(device)

        def take_turns(_: Engine) -> None:
            nonlocal start
            end = now(device)
            bare()
            times.append((end - start, now(device) - end))
            start = now(device)

        trainer.add_event_handler(Events.EPOCH_COMPLETED, take_turns)  # the last of its handlers
        trainer.run()
    ours, theirs = ([round(1e3 * value / steps, 3) for value in column] for column in zip(*times[1:], strict=True))
    return {"step_ms": ours, "bare_step_ms": theirs}


def cells(found: dict[str, list[float]]) -> list[str]:
    """Median milliseconds of both, and median and spread of the ratio of samples per second."""
    ratios = [bare / ours for ours, bare in zip(found["step_ms"], found["bare_step_ms"], strict=True)]
    medians = [f"{statistics.median(found[key]):.3g}" for key in ("step_ms", "bare_step_ms")]
    return [*medians, f"{statistics.median(ratios):.3f} ({max(ratios) - min(ratios):.3f})"]


def main(
    bundles: Sequence[str] = tuple(BUNDLES),
    rounds: int = 9,
    steps: int = 40,
    device: str = "cpu",
    output: str = "docs/results/speed_training.json",
    document: str = "docs/performance.md",
) -> None:
    """Measures, writes JSON and puts its table into the document."""
    torch.set_num_threads(1)
    results = {}
    for bundle in bundles:
        results[bundle] = measure(bundle, rounds, steps, device)
        print(bundle, *cells(results[bundle]), flush=True)
    if (REPOSITORY / output).is_file():  # bundles that are not measured anew keep their place
        known = json.loads((REPOSITORY / output).read_text(encoding="utf-8"))
        alike = all(known[key] == value for key, value in (("device", device), ("rounds", rounds), ("steps", steps)))
        results = dict(sorted(((known["bundles"] if alike else {}) | results).items()))
    command = ["git", "-C", str(REPOSITORY), "rev-parse", "HEAD"]
    commit = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or None
    record = {"device": device, "rounds": rounds, "steps": steps, "bundles": results, "commit": commit}
    with whole_file(REPOSITORY / output) as partial:
        partial.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    table = markdown_table(
        ["bundle", "step ms", "bare step ms", "samples per second over bare"],
        [[name, *cells(found)] for name, found in results.items()],
    )
    note = f"{device}, one thread, {rounds} interleaved epochs of {steps} steps: medians (spread)."
    insert_between_markers(REPOSITORY / document, "speed_training", f"{table}\n\n{note}")


if __name__ == "__main__":
    fire.Fire(main)
