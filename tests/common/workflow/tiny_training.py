"""A training of a tiny network in float64, in one process, or ``python tiny_training.py FILE`` in three at once."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.engines import SupervisedTrainer
from monai.engines.utils import IterationEvents
from torch import nn

from common.workflow import DistributedNetwork, EpochSeed, WeighBatches, share_batches

PROCESSES = 3
# 11 images in batches of 4, 4 and 3; of 10 the last batch has fewer images than there are processes
JOBS: dict[str, dict[str, Any]] = {
    "plain": {},
    "accumulated": {"accumulate": 2},
    "unused": {"rare": True},
    "normalized": {"batch_norm": True, "images": 12},
    "small": {"images": 10},
    "accumulated_small": {"images": 10, "accumulate": 3},
}


class Network(nn.Module):
    """Four convolutions; ``rare`` adds one of bright images alone, ``batch_norm`` what its name says."""

    def __init__(self, rare: bool, batch_norm: bool) -> None:
        super().__init__()
        channels = ((1, 8), (8, 8), (8, 3))
        self.first = nn.Sequential(*(nn.Conv2d(*pair, 3, padding=1) for pair in channels), nn.AvgPool2d(2))
        self.last = nn.Conv2d(3, 1, 1)
        self.rare = nn.Conv2d(3, 1, 1) if rare else None
        self.norm = nn.BatchNorm2d(3) if batch_norm else nn.Identity()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        found = self.norm(self.first(images)).tanh()
        bright = images.mean(dim=(1, 2, 3)) > 0
        if self.rare is None or not bright.any():
            return self.last(found)
        return self.last(found).index_add(0, bright.nonzero().flatten(), self.rare(found[bright]))


class LearningLoss(nn.Module):
    """The mean over images of a squared error whose scale is learned."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(()))

    def forward(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return ((output - target) ** 2).mean() * self.scale.exp() - self.scale


def data(images: int) -> list[dict[str, torch.Tensor]]:
    """Images, half of which are bright, with targets of another scale for each."""
    generator = torch.Generator().manual_seed(1)
    return [
        {
            "image": torch.randn(1, 4, 4, generator=generator).double() + (1 if index % 4 < 2 else -2),
            "label": index * torch.randn(1, 2, 2, generator=generator).double() / 4,
        }
        for index in range(images)
    ]


def train(
    batch_size: int = 4,
    accumulate: int = 1,
    images: int = 11,
    rare: bool = False,
    batch_norm: bool = False,
    epochs: int = 2,
    stop: int = 0,
    compile: bool = False,
) -> dict[str, Any]:
    """What a training ends with.

    Args:
        batch_size: of all processes together.
        accumulate: batches of a step.
        images: in an epoch.
        rare, batch_norm: of `Network`; with ``rare`` the loss does not learn.
        epochs: how many.
        stop: after so many epochs everything is built anew and goes on from a checkpoint; 0 trains in one go.
        compile: the network, without generating code for the machine.
    """
    losses, exchanges, state = [], [], None
    for end in (stop, epochs) if stop else (epochs,):
        torch.manual_seed(0 if state is None else 7)
        network, loss = Network(rare, batch_norm).double(), nn.MSELoss() if rare else LearningLoss().double()
        optimizer = torch.optim.SGD([*network.parameters(), *loss.parameters()], lr=0.05, momentum=0.9)
        objects = {"network": network, "loss": loss, "optimizer": optimizer}
        handlers = [EpochSeed(0), WeighBatches(), DistributedNetwork(find_unused_parameters=rare)]
        trainer = SupervisedTrainer(
            "cpu", end, share_batches(data(images), batch_size, shuffle=True), network, optimizer, loss,
            accumulation_steps=accumulate, train_handlers=handlers, decollate=False, compile=compile,
            compile_kwargs={"backend": "aot_eager"},
        )  # fmt: skip
        if state is not None:
            for name, target in objects.items():
                target.load_state_dict(state[name])
            trainer.state.epoch, trainer.state.iteration = state["trainer"]

        def note(engine: Engine) -> None:
            exchanges.append(getattr(engine.network, "require_backward_grad_sync", True))

        trainer.add_event_handler(IterationEvents.BACKWARD_COMPLETED, note)
        trainer.add_event_handler(
            Events.ITERATION_COMPLETED, lambda engine: losses.append(engine.state.output["loss"].item())
        )
        trainer.run()
        state = {name: target.state_dict() for name, target in objects.items()}
        state["trainer"] = (trainer.state.epoch, trainer.state.iteration)
    return {"weights": dict(_weights(objects)), "losses": losses, "exchanges": exchanges}


def _weights(objects: Mapping[str, Any]) -> Iterator[tuple[str, list[float]]]:
    for part in ("network", "loss"):
        for name, value in objects[part].state_dict().items():
            yield f"{part}.{name}", value.flatten().tolist()


def main(file: Path) -> int:
    torch.set_num_threads(1)
    rank, children = 0, []
    for other in range(1, PROCESSES):
        children.append(os.fork())
        if not children[-1]:
            rank = other
            break
    os.environ["LOCAL_RANK"] = str(rank)
    torch.distributed.init_process_group("gloo", init_method=f"file://{file}.store", rank=rank, world_size=PROCESSES)
    found: dict[str, Any] = {name: train(**job) for name, job in JOBS.items()}
    found["resumed equals uninterrupted"] = train(stop=1) == train()
    everyone: list[Any] = [None] * PROCESSES
    torch.distributed.all_gather_object(everyone, found)
    torch.distributed.destroy_process_group()
    if rank:
        return 0
    file.write_text(json.dumps(everyone), encoding="utf-8")
    return max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
