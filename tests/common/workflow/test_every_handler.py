"""One row for each handler of an engine, and what holds for every one: a new handler is a new row of `ROWS`."""

from __future__ import annotations

import importlib
import json
import pkgutil
import signal
import sys
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from ignite.engine import Engine, Events
from monai.engines.utils import IterationEvents
from torch import nn

import common.methods
import common.workflow
from common.datasets.plan import example_plan
from common.datasets.split import Split
from common.losses import AnnotatorConfusionLoss
from common.methods import (
    ConfusionTable,
    ConsensusConfusion,
    ExpectedDiceCheck,
    InstanceScores,
    LossAverages,
    MemorisationCurve,
    TraceWarmUp,
)
from common.metrics import InstanceMetrics
from common.networks import AnnotatorNetwork
from common.transforms import DetectInstancesd
from common.workflow import (
    AverageWeights,
    DistributedNetwork,
    EpochSeed,
    EpochTable,
    FitTemperature,
    InferenceProgress,
    KeepPlan,
    LostStructures,
    MetricsSaver,
    PredictionSummary,
    ReliabilityTable,
    Tracking,
    TrainingCheckpoint,
    WeighBatches,
)
from common.workflow.interruption import Interruption

EVENTS = (
    *(Events.STARTED, Events.EPOCH_STARTED, Events.ITERATION_STARTED),
    *(Events.ITERATION_COMPLETED, Events.EPOCH_COMPLETED, Events.COMPLETED),
)
IMAGES = torch.rand(4, 2, 1, 3, 3, generator=torch.Generator().manual_seed(0)).round(decimals=3)


class Parts:
    """What the handlers of a run work on; it may be that of an earlier process."""

    def __init__(self, folder: Path) -> None:
        torch.manual_seed(0)
        self.folder = folder
        self.network = nn.Sequential(nn.Conv2d(1, 1, 1), nn.Dropout())
        self.average = deepcopy(self.network)
        self.loss = AnnotatorConfusionLoss()
        self.annotators = AnnotatorNetwork(nn.Conv2d(1, 4, 1), 2, 4, 2, 2, image_dependent=False)
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=0.1)
        self.start = deepcopy(self.network.state_dict())


class Row(NamedTuple):
    """How a handler is made of the parts, what two epochs leave (files, metrics, state), and of which engine it is."""

    make: Callable[[Parts], Any]
    leaves: frozenset[str] = frozenset()
    trains: bool = True


def text(folder: Path) -> str:
    return str(folder)


def fused_item() -> dict[str, torch.Tensor]:
    return {"annotators": torch.zeros(2, 3, 3), "consensus_confusion": torch.eye(2).expand(2, 2, 2)}


def progress(parts: Parts) -> InferenceProgress:
    return InferenceProgress([], text(parts.folder), parts.network, overwrite=True, settings={})


ROWS = {
    "AverageWeights": Row(lambda parts: AverageWeights(parts.network, parts.average, 0.3)),
    "ConfusionTable": Row(lambda parts: ConfusionTable(text(parts.folder), ["a"]), frozenset({"confusion.csv"}), False),
    "ConsensusConfusion": Row(lambda parts: ConsensusConfusion(parts.annotators, [fused_item()])),
    "DistributedNetwork": Row(lambda parts: DistributedNetwork()),
    "EpochSeed": Row(lambda parts: EpochSeed(3)),
    "EpochTable": Row(lambda parts: EpochTable(text(parts.folder)), frozenset({"metrics.csv", "epoch_table"})),
    "ExpectedDiceCheck": Row(lambda parts: ExpectedDiceCheck(parts.folder / "summary.csv"), trains=False),
    "FitTemperature": Row(lambda parts: FitTemperature(text(parts.folder)), frozenset({"temperature.json"}), False),
    "InferenceProgress": Row(progress, frozenset({"inference.json"}), False),
    "InstanceScores": Row(lambda parts: InstanceScores(InstanceMetrics(), key="dice"), frozenset({"dice"}), False),
    "Interruption": Row(lambda parts: Interruption()),
    "KeepPlan": Row(
        lambda parts: KeepPlan(parts.folder, example_plan(), Split([{"case": "a"}])),
        frozenset({"plan.json", "split.json"}),
    ),
    "LossAverages": Row(lambda parts: LossAverages(["mask"]), frozenset({"loss_mask"})),
    "LostStructures": Row(lambda parts: LostStructures(Engine(lambda engine, batch: None), ["liver"])),
    "MemorisationCurve": Row(
        lambda parts: MemorisationCurve(text(parts.folder)), frozenset({"memorisation.csv", "memorisation"})
    ),
    "MetricsSaver": Row(lambda parts: MetricsSaver(text(parts.folder)), trains=False),
    "PredictionSummary": Row(lambda parts: PredictionSummary(text(parts.folder)), frozenset({"summary.csv"}), False),
    "ReliabilityTable": Row(
        lambda parts: ReliabilityTable(text(parts.folder), ["a", "b"]), frozenset({"reliability.csv"}), False
    ),
    "TraceWarmUp": Row(lambda parts: TraceWarmUp(parts.loss, epochs=1)),
    "Tracking": Row(lambda parts: Tracking(text(parts.folder)), frozenset({"environment.yaml", "tensorboard"})),
    "TrainingCheckpoint": Row(
        lambda parts: TrainingCheckpoint(
            text(parts.folder), parts.network, {"optimizer": parts.optimizer}, resume=True
        ),
        frozenset({"checkpoint.pt", "model.pt"}),
    ),
    "WeighBatches": Row(lambda parts: WeighBatches()),
}
every = pytest.mark.parametrize("name", ROWS)


def detected(image: torch.Tensor) -> list[dict[str, torch.Tensor]]:
    return DetectInstancesd("pred")({"pred": image[..., None]})["detections"]


def train(name: str, parts: Parts) -> Callable[[Engine, torch.Tensor], dict[str, Any]]:
    def step(engine: Engine, image: torch.Tensor) -> dict[str, Any]:
        pred = parts.network(image)
        label = (image > 0.5).float()
        loss = (pred - label).square().mean()
        engine.state.batch = {"image": image, "label": label, "clean_label": 1 - label}
        engine.state.output = {"image": image, "label": label, "pred": pred, "loss": loss}
        if name == "LossAverages":
            engine.state.output["pred"] = {"mask": loss}
        engine.fire_event(IterationEvents.LOSS_COMPLETED)
        parts.optimizer.zero_grad()
        engine.state.output["loss"].backward()
        engine.fire_event(IterationEvents.BACKWARD_COMPLETED)
        parts.optimizer.step()
        return engine.state.output

    return step


def evaluate(engine: Engine, image: torch.Tensor) -> list[dict[str, Any]]:
    probabilities, label = torch.cat([1 - image, image], 1), (image > 0.5).float()
    engine.state.output = {"pred": 3 * (image - 0.3), "label": label}
    engine.fire_event(IterationEvents.FORWARD_COMPLETED)
    case = f"case_{(engine.state.iteration - 1) % len(IMAGES)}"
    item: dict[str, Any] = {"pred": label[0], "label": label[0], "probabilities": probabilities[0]}
    item["pred_confusion"] = probabilities[0][None, :, None].expand(1, 2, 2, 3, 3)
    return [item | {"detections": detected(label[0]), "case": case, "summary": {"case": case, "volume_ml": 1.5}}]


def bare_engine(name: str, parts: Parts) -> Engine:
    """Ignite's engine with what MONAI's engines have and handlers use."""
    engine = Engine(train(name, parts) if ROWS[name].trains else evaluate)
    engine.register_events(*IterationEvents)
    engine.accumulation_steps, engine.network, engine.optimizer = 1, parts.network, parts.optimizer
    engine.data_loader = IMAGES
    return engine


def attached(name: str, parts: Parts, engine: Engine) -> None:
    handler = ROWS[name].make(parts)
    if name == "InferenceProgress":
        handler.images = {f"case_{number}": [] for number in range(len(IMAGES))}
    handler.attach(engine, *(["dice"] if name == "InstanceScores" else []))


def run(name: str, parts: Parts, *, epochs: int = 2, until: int | None = None, engine: Engine | None = None) -> Engine:
    """Two epochs, or one that fails in an iteration."""
    if engine is None:
        engine = bare_engine(name, parts)
        attached(name, parts, engine)
    torch.manual_seed(5)
    if until is not None:

        @engine.on(Events.ITERATION_STARTED)
        def fail() -> None:
            if engine.state.iteration == until:
                raise RuntimeError("as if the memory were full")

    engine.run(IMAGES if ROWS[name].trains else IMAGES[:, :1], max_epochs=epochs)
    return engine


def plain(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.tolist()
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value


def left(engine: Engine, parts: Parts) -> dict[str, Any]:
    """All that a run leaves: files, metrics, state that a checkpoint keeps, weights."""
    found: dict[str, Any] = {path.name: "" for path in parts.folder.glob("*")}
    for path in parts.folder.glob("*.csv"):
        found[path.name] = path.read_text()
    for path in parts.folder.glob("*.pt"):
        found[path.name] = plain(torch.load(path, weights_only=False))
    for path in parts.folder.glob("*.json"):
        found[path.name] = json.loads(path.read_text())
    found |= {key: plain(getattr(engine.state, key)) for key in engine.state_dict_user_keys}
    found |= {"metrics": plain(engine.state.metrics), "warming_up": parts.loss.warming_up}
    networks = {"network": parts.network, "average": parts.average, "annotators": parts.annotators}
    return found | {key: plain(dict(network.state_dict())) for key, network in networks.items()}


def remove_weights(folder: Path) -> None:
    """So that nothing is there to resume from."""
    for path in folder.glob("*.pt"):
        path.unlink()


def process_state() -> list[Any]:
    signals = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    return [*signals, sys.excepthook, torch.is_grad_enabled(), torch.are_deterministic_algorithms_enabled()]


def public_handlers() -> Iterator[str]:
    for room in (common.workflow, common.methods):
        for found in pkgutil.iter_modules(room.__path__, room.__name__ + "."):
            for name, kind in vars(importlib.import_module(found.name)).items():
                own = isinstance(kind, type) and kind.__module__ == found.name and hasattr(kind, "attach")
                if own and not name.startswith("_"):
                    yield name


def test_every_handler_has_a_row() -> None:
    assert ROWS.keys() == set(public_handlers())


@every
def test_two_epochs_leave_what_the_row_says_and_the_process_as_it_was(name: str, tmp_path: Path) -> None:
    parts, before = Parts(tmp_path), process_state()
    engine = run(name, parts)
    files = {path.name for path in tmp_path.glob("*")}
    assert files | set(engine.state.metrics) | set(engine.state_dict_user_keys) >= ROWS[name].leaves
    assert not {file for file in files if file.startswith(".")}
    assert process_state() == before


@every
def test_other_handlers_run_as_often_and_in_the_same_order(name: str, tmp_path: Path) -> None:
    calls: list[list[tuple[str, Any]]] = []
    for watched in (False, True):
        parts, seen = Parts(tmp_path / str(watched)), []
        engine = bare_engine(name, parts)

        def listen(who: str, engine: Engine = engine, seen: list[tuple[str, Any]] = seen) -> None:
            for event in EVENTS:
                engine.add_event_handler(event, lambda _, event=event: seen.append((who, event)))

        listen("before")
        if watched:
            attached(name, parts, engine)
        listen("after")
        run(name, parts, engine=engine)
        calls.append(seen)
    assert calls[0] == calls[1]


@every
def test_a_second_run_of_an_engine_leaves_what_the_first_does(name: str, tmp_path: Path) -> None:
    parts = Parts(tmp_path)
    engine = run(name, parts)
    first = left(engine, parts)
    parts.network.load_state_dict(parts.start)
    remove_weights(tmp_path)
    run(name, parts, engine=engine)
    assert left(engine, parts) == first


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.trains])
def test_a_resumed_training_leaves_what_the_uninterrupted_one_does(name: str, tmp_path: Path) -> None:
    found = []
    for limits in ([2], [1, 2]):
        folder = tmp_path / str(len(limits))
        for limit in limits:  # each in a process of its own
            parts = Parts(folder)
            engine = bare_engine(name, parts)
            attached(name, parts, engine)
            EpochSeed().attach(engine)
            kept = {key: getattr(parts, key) for key in ("optimizer", "average", "annotators")}
            TrainingCheckpoint(str(folder / "models"), parts.network, kept, resume=True).attach(engine)
            run(name, parts, epochs=limit, engine=engine)
        found.append(left(engine, parts))
    assert found[0] == found[1]


@every
def test_after_a_run_that_failed_the_process_is_as_before_and_another_run_may_begin(name: str, tmp_path: Path) -> None:
    before, failed = process_state(), Parts(tmp_path / "failed")
    with pytest.raises(RuntimeError, match="as if the memory were full"):
        run(name, failed, until=len(IMAGES) + 2)
    assert process_state() == before
    assert not list(failed.folder.glob(".*"))
    remove_weights(failed.folder)
    results = []
    for folder in (failed.folder, tmp_path / "fresh"):
        parts = Parts(folder)
        results.append(left(run(name, parts), parts))
    assert results[0] == results[1]
