"""Steps that train: time of a step, agreement with the CPU, resuming, a group of processes, and the study."""

from __future__ import annotations

import math
import os
import re
import socket
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import torch
from ignite.engine import Engine, Events

from benchmarks.gpu_context import Context, trainer_of
from common import phantoms

STEPS = {"paper": (50, 10), "miniature": (10, 2)}  # of a timed training, and those of them that are not timed
COMPARED = 4  # losses that are compared with the CPU's
# Largest relative difference of a loss: of the first, where only the order of float32 sums differs, and of the later
# ones, whose weights Adam has moved by its learning rate even where a gradient is rounding.
TOLERANCE = {"first": 1e-4, "later": 2e-2}


def step_train(context: Context) -> dict[str, Any]:
    return timed_training(context, amp=False)


def step_amp(context: Context) -> dict[str, Any]:
    return timed_training(context, amp=True)


def timed_training(context: Context, amp: bool) -> dict[str, Any]:
    """Seconds of a training's step and of a bare loop's, after the first ones."""
    count, warm_up = STEPS[context.scale]
    workflow = context.workflow(
        "amp" if amp else "train", amp=amp, max_epochs=1, val_interval=10**6, overwrite=True, **context.limited(count)
    )
    trainer, losses, times = trainer_of(workflow), [], []

    def note(engine: Engine) -> None:
        losses.append(engine.state.output["loss"].detach())
        if engine.state.iteration in (warm_up, count):
            context.synchronize()
            times.append(time.perf_counter())

    trainer.add_event_handler(Events.ITERATION_COMPLETED, note)
    trainer.run()
    values = [float(loss) for loss in losses]
    if not all(map(math.isfinite, values)):
        raise ValueError(f"a loss is not finite: {values}")
    batch_size = int(workflow.parser.get_parsed_content("batch_size"))
    seconds, bare = (times[1] - times[0]) / (count - warm_up), bare_seconds(context, trainer)
    half = bool(trainer.amp and trainer.scaler is not None and trainer.scaler.is_enabled())
    return {
        "mixed_precision": half,
        "scale_of_the_loss": trainer.scaler.get_scale() if half else None,
        "batch_size": batch_size,
        "parameters": sum(parameter.numel() for parameter in trainer.network.parameters()),
        "first_loss": values[0],
        "last_loss": values[-1],
        "step_ms": round(1e3 * seconds, 2),
        "bare_step_ms": round(1e3 * bare, 2),
        "samples_per_second": round(batch_size / seconds, 1),
        "bundle_to_bare": round(seconds / bare, 3),
        "tf32_convolutions": torch.backends.cudnn.allow_tf32,
    }


def bare_seconds(context: Context, trainer: Any) -> float:
    """Seconds of a step of a loop without engine, handlers and loading: the batches lie on the device."""
    prepared = []
    for batch, _ in zip(trainer.data_loader, range(4), strict=False):
        inputs, targets, *more = trainer.prepare_batch(batch, context.device)
        prepared.append((inputs, targets, *(more or ((), {}))))
    network, optimizer, loss = trainer.network.train(), trainer.optimizer, trainer.loss_function
    scaler = trainer.scaler if trainer.amp else None
    count, warm_up = STEPS[context.scale]
    for step in range(count):
        if step == warm_up:
            context.synchronize()
            start = time.perf_counter()
        inputs, targets, arguments, named = prepared[step % len(prepared)]
        optimizer.zero_grad()
        with torch.autocast("cuda", enabled=scaler is not None and context.on_gpu):
            value = loss(trainer.inferer(inputs, network, *arguments, **named), targets).mean()
        if scaler is None:
            value.backward()
            optimizer.step()
        else:
            scaler.scale(value).backward()
            scaler.step(optimizer)
            scaler.update()
    context.synchronize()
    return (time.perf_counter() - start) / (count - warm_up)


def step_agree(context: Context) -> dict[str, Any]:
    """The first losses on the device and on the CPU; in miniature, on the CPU with and without oneDNN."""

    def losses(device: str) -> list[float]:
        workflow = context.workflow(
            f"agree_{device}", device=device, amp=False, max_epochs=1, val_interval=10**6, overwrite=True,
            **context.limited(COMPARED),
        )  # fmt: skip
        found: list[float] = []
        trainer = trainer_of(workflow)
        trainer.add_event_handler(
            Events.ITERATION_COMPLETED, lambda engine: found.append(float(engine.state.output["loss"]))
        )
        trainer.run()
        return found

    with drawn_on_the_cpu():
        wanted = losses("cpu")
        if context.on_gpu:
            torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
            found = losses(str(context.device))
        else:
            with torch.backends.mkldnn.flags(enabled=False):
                found = losses("cpu")
    return {"losses": found, "cpu_losses": wanted, "tolerance": TOLERANCE, **check_agreement(found, wanted)}


@contextmanager
def drawn_on_the_cpu() -> Iterator[None]:
    """What a step draws on its device (noise of a view, sampled anchors) is drawn on the CPU, alike for all."""
    real = {name: getattr(torch, name) for name in ("randperm", "randn", "randn_like", "multinomial")}

    def from_cpu(name: str) -> Callable[..., Any]:
        def draw(*arguments: Any, device: Any = None, generator: Any = None, **named: Any) -> Any:
            if generator is not None and generator.device.type != "cpu":
                generator = torch.Generator().manual_seed(generator.initial_seed())
            return real[name](*arguments, generator=generator, **named).to(device or "cpu")

        return draw

    def like(tensor: Any) -> Any:
        return real["randn"](tensor.shape, dtype=tensor.dtype).to(tensor.device)

    def multinomial(weights: Any, *arguments: Any, **named: Any) -> Any:
        return real["multinomial"](weights.cpu(), *arguments, **named).to(weights.device)

    torch.randperm, torch.randn = from_cpu("randperm"), from_cpu("randn")  # type: ignore[assignment]
    torch.randn_like, torch.multinomial = like, multinomial  # type: ignore[assignment]
    try:
        yield
    finally:
        for name, function in real.items():
            setattr(torch, name, function)


def step_resume(context: Context) -> dict[str, Any]:
    """A training stopped after its first epoch and resumed, against one that was not stopped."""
    settings = {"max_epochs": 2, **context.limited(3)}
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            whole_folder = context.trained()
            stopped = context.workflow("resumed", overwrite=True, **settings)
            trainer_of(stopped).add_event_handler(Events.EPOCH_COMPLETED(once=1), lambda engine: engine.terminate())
            stopped.run()
            before = torch.load(context.work / "resumed/checkpoint.pt", weights_only=True)["epoch"]
            context.workflow("resumed", resume=True, **settings).run()
    finally:
        torch.use_deterministic_algorithms(False)
    found = (re.match(r"(\S+) does not have a deterministic", str(warning.message)) for warning in caught)
    without = sorted({match[1] for match in found if match})
    whole, resumed = (
        torch.load(folder / "checkpoint.pt", weights_only=True) for folder in (whole_folder, context.work / "resumed")
    )
    if (before, resumed["epoch"]) != (1, 2):
        raise ValueError(f"expected a stop after epoch 1 and an end after epoch 2, got {before} and {resumed['epoch']}")
    differing = different_tensors(whole, resumed)
    if differing:
        raise ValueError(
            f"{len(differing)} tensors of the checkpoint differ, by up to {max(differing.values()):.2g}; "
            f"operations without a deterministic algorithm: {', '.join(without) or 'none'}"
        )
    return {"identical": True, "no_deterministic_algorithm": without}


def different_tensors(one: Any, other: Any, where: str = "") -> dict[str, float]:
    """Where two nested containers hold tensors that are not equal bit for bit, and by how much they differ.

    Args:
        one, other: of the same structure.
        where: they stand in what they are part of.
    """
    if isinstance(one, torch.Tensor):
        equal = torch.equal(one, other)
        return {} if equal else {where: float((one.double() - other.double()).abs().max())}
    pairs: Any = ()
    if isinstance(one, Mapping):
        pairs = ((key, one[key], other[key]) for key in one)
    elif isinstance(one, list | tuple):
        pairs = ((str(index), *pair) for index, pair in enumerate(zip(one, other, strict=True)))
    return {key: value for name, a, b in pairs for key, value in different_tensors(a, b, f"{where}/{name}").items()}


def largest_difference(found: Sequence[float], wanted: Sequence[float]) -> dict[str, float]:
    """The relative differences of two loss curves: of their first values, and the largest of the later ones.

    >>> largest_difference([1.0, 2.0, 5.0], [1.0, 2.0, 4.0])
    {'first': 0.0, 'later': 0.25}
    """
    differences = [abs(a - b) / max(abs(b), 1e-12) for a, b in zip(found, wanted, strict=True)]
    return {"first": differences[0], "later": max(differences[1:])}


def check_agreement(found: Sequence[float], wanted: Sequence[float]) -> dict[str, float]:
    """`largest_difference`, if it is within ``TOLERANCE``; raises if not, or if a loss is not finite."""
    if not all(map(math.isfinite, (*found, *wanted))):
        raise ValueError(f"a loss is not finite: {found} and {wanted}")
    difference = largest_difference(found, wanted)
    for part, limit in TOLERANCE.items():
        if not difference[part] <= limit:
            raise ValueError(f"{part} loss: {difference[part]:.2g} apart, more than {limit:g}: {found} and {wanted}")
    return difference


def step_nccl(context: Context) -> dict[str, Any]:
    """A training in a process group of one, as torchrun would start it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    os.environ |= {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    overlays = (*context.bundle.overlays, "multi_gpu_train")
    workflow = context.workflow("multi_gpu", overlays, max_epochs=1, overwrite=True, timeout=60)
    backend, size = torch.distributed.get_backend(), torch.distributed.get_world_size()
    if backend != ("nccl" if context.on_gpu else "gloo"):
        raise ValueError(f"the backend is {backend}")
    workflow.run()
    trainer = trainer_of(workflow)
    result = {"backend": backend, "world_size": size, "device": str(trainer.state.device)}
    result |= {"steps": trainer.state.iteration, "loss": trainer.state.epoch_table[-1]["loss"]}
    workflow.finalize()
    return result


def step_study(context: Context, loss: str, report: Callable[..., None]) -> dict[str, Any]:
    """T-Loss's table 2 at α = β = 0.7 with one loss, as far as the time goes; reported after every epoch."""
    data = context.task["data"]
    settings: dict[str, Any] = {"loss_name": loss, "noise_alpha": 0.7, "noise_beta": 0.7, "overwrite": True}
    settings |= {"max_epochs": 100, "val_interval": 5} if context.scale == "paper" else {"max_epochs": 2}
    if data:
        settings |= {"dataset_dir": data, "layout": "shenzhen"}
    elif context.scale == "paper":
        settings["dataset_dir"] = phantoms.write_chest_phantom(str(context.work / "study"), num_cases=160, size=256)
    workflow = context.workflow(f"study_{loss}", (*context.bundle.overlays, "noise"), **settings)
    trainer, times = trainer_of(workflow), [time.time()]
    result: dict[str, Any] = {}

    def note(engine: Engine) -> None:
        times.append(time.time())
        rows = engine.state.epoch_table
        result.update(
            data="Shenzhen" if data else "chest phantom",
            mixed_precision=bool(engine.amp and context.on_gpu),
            epochs=engine.state.epoch,
            max_epochs=engine.state.max_epochs,
            steps=engine.state.iteration,
            seconds=round(times[-1] - times[0], 1),
            val_mean_dice={row["epoch"]: round(row["val_mean_dice"], 4) for row in rows if "val_mean_dice" in row},
            loss=rows[-1]["loss"],
        )
        report(unfinished=True, **result)
        longest = max(b - a for a, b in pairwise(times))
        if time.time() + 1.5 * longest + 5 > context.task["deadline"]:
            engine.terminate()

    trainer.add_event_handler(Events.EPOCH_COMPLETED, note)
    workflow.run()
    return result
