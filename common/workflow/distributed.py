"""Several processes that train one network: what each of them loads, and one step from all their gradients."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import ignite.distributed as idist
import torch
from ignite.engine import Engine, Events
from monai.data import DataLoader
from monai.data.utils import set_rnd
from monai.engines.utils import IterationEvents
from torch import distributed
from torch.utils.data import BatchSampler, RandomSampler, Sampler, SequentialSampler, get_worker_info

from common.errors import InputError, SentenceError, find_input_error

T = TypeVar("T")

logger = logging.getLogger(__name__)


def share(cases: Sequence[T], rank: int, processes: int) -> Sequence[T]:
    """What one of several processes takes of a list: every ``processes``-th, or all if there are fewer than processes.

    Without cases of its own a process would miss the step in which all exchange their results. That everyone does the
    same few cases leaves their means as they are.

    Example:
        >>> share("abcde", 1, 2), share("a", 1, 2)
        ('bd', 'a')
    """
    return cases[rank::processes] if len(cases) >= processes else cases


class SharedBatches(Sampler[list[int]]):
    """Batch sampler: this process's `share` of each batch of another sampler.

    All processes must draw the same batches, which `common.workflow.EpochSeed` sees to.

    Args:
        batches: of all processes together.

    Example:
        >>> list(SharedBatches(BatchSampler(range(3), 2, drop_last=False)))
        [[0, 1], [2]]
    """

    def __init__(self, batches: BatchSampler) -> None:
        self.batches = batches

    def __iter__(self) -> Iterator[list[int]]:
        return (list(share(batch, idist.get_rank(), idist.get_world_size())) for batch in self.batches)

    def __len__(self) -> int:
        return len(self.batches)


def share_batches(
    dataset: Any,
    batch_size: int,
    shuffle: bool = False,
    sampler: Iterable[int] | None = None,
    num_workers: int = 0,
    **options: Any,
) -> DataLoader:
    """MONAI's data loader for the training of one of several processes: its share of each batch.

    The batches are those of a single process with the same seed, in the same order, the incomplete last one too.

    Args:
        dataset: all cases, in every process.
        batch_size: of all processes together, best a multiple of their number; of a smaller batch every process
            computes everything.
        shuffle: cases in random order; not with a sampler.
        sampler: gives the order of the cases.
        num_workers: of this process. Each draws random numbers of its own.
        options: of the data loader.

    Returns:
        The loader; every process has as many batches as the others.
    """
    processes = idist.get_world_size()
    if batch_size < processes:
        logger.warning(
            "batch_size %d cannot be shared by %d processes: each of them computes all of it.", batch_size, processes
        )
    order = sampler or (RandomSampler(dataset) if shuffle else SequentialSampler(dataset))
    return DataLoader(
        dataset,
        num_workers,
        batch_sampler=SharedBatches(BatchSampler(order, batch_size, drop_last=False)),
        worker_init_fn=partial(_seed_worker, idist.get_rank()),
        **options,
    )


def _seed_worker(rank: int, worker: int) -> None:
    info: Any = get_worker_info()  # whose seed is that of the workers of all other processes
    set_rnd(info.dataset, seed=info.seed + rank * info.num_workers)


def share_cases(dataset: Any, batch_size: int = 1, num_workers: int = 0, **options: Any) -> DataLoader:
    """MONAI's data loader for the validation of one of several processes: its share of the cases, none of them twice.

    MONAI's metrics gather what all processes found. If there are fewer cases than processes each process does all of
    them, which leaves means and ratios as they are; what is counted is then counted by each.

    Args:
        dataset: all cases, in every process.
        batch_size: of this process.
        num_workers: of this process.
        options: of the data loader.

    Returns:
        The loader.
    """
    cases = share(range(len(dataset)), idist.get_rank(), idist.get_world_size())
    return DataLoader(dataset, num_workers, batch_size=batch_size, sampler=list(cases), **options)


class AverageGradients:
    r"""Ignite handler of a trainer: all processes make the step of the batch that they share.

    $$ g = \frac{\sum_r b_r \, g_r}{\sum_r b_r} $$

    with the gradients g_r of process r, whose share has b_r images. For a loss that is a mean over images this is the
    gradient of the whole batch. It holds for every parameter that the optimizer steps, those of a loss included. The
    loss in the trainer's output becomes that of the whole batch in the same way, and so do the running statistics of
    batch normalization; what a batch is normalized by remains each process's own.

    Unlike with ``DistributedDataParallel`` the network stays as it is: checkpoints, averages of the weights and
    validation see the same object as in a single process, and nothing needs to be known about which parameters take
    part in a step. At the start of the run every process gets the weights of the first; attach it after the handler
    that resumes.
    """

    def attach(self, engine: Engine) -> None:
        if idist.get_world_size() > 1:
            engine.add_event_handler(Events.STARTED, self.start)
            engine.add_event_handler(IterationEvents.BACKWARD_COMPLETED, self.average)

    def start(self, engine: Engine) -> None:
        with torch.no_grad():
            for tensor in (*engine.network.state_dict().values(), *_parameters(engine)):
                tensor.copy_(idist.broadcast(tensor.detach().clone()))

    def average(self, engine: Engine) -> None:
        parameters, statistics = _parameters(engine), _running_statistics(engine.network)
        present = [float(parameter.grad is not None) for parameter in parameters]
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        loss = engine.state.output["loss"].detach()
        values = [loss, *statistics, *gradients]

        weight = len(engine.state.output["image"])
        scalars = torch.tensor([weight, *present], device=loss.device)
        # in one message: latency, not size, is what most of these networks would wait for
        flat = idist.all_reduce(torch.cat([scalars, *(value.flatten() * weight for value in values)]))
        total, *present = flat[: len(scalars)].tolist()
        means = (flat[len(scalars) :] / total).split([value.numel() for value in values])

        engine.state.output["loss"] = means[0].reshape(loss.shape).to(loss.dtype)
        with torch.no_grad():
            for statistic, mean in zip(statistics, means[1:], strict=False):
                statistic.copy_(mean.reshape(statistic.shape))
            for parameter, anywhere, mean in zip(parameters, present, means[1 + len(statistics) :], strict=True):
                if anywhere:
                    parameter.grad = mean.reshape(parameter.shape).to(parameter.dtype)


def _parameters(engine: Engine) -> list[torch.nn.Parameter]:
    return [parameter for group in engine.optimizer.param_groups for parameter in group["params"]]


def _running_statistics(network: torch.nn.Module) -> list[torch.Tensor]:
    norms = [module for module in network.modules() if isinstance(module, torch.nn.modules.batchnorm._BatchNorm)]
    return [tensor for norm in norms for tensor in (norm.running_mean, norm.running_var) if tensor is not None]


def require_one_process(path: str | os.PathLike[str]) -> None:
    """For what writes the results of the cases that its own process sees.

    Raises:
        InputError: there are several processes; the message names the file that they would not write whole.

    Example:
        >>> require_one_process("summary.csv")
    """
    if idist.get_world_size() > 1:
        raise InputError(f"{path} is written by one process: leave torchrun and configs/multi_gpu_train.yaml away.")


def done_by_first(work: Callable[[], T]) -> T:
    """What a function returns in the first process, for all of them; a `SentenceError` there is raised in all.

    Example:
        >>> done_by_first(lambda: {"epoch": 3})
        {'epoch': 3}
    """
    if idist.get_world_size() == 1:
        return work()
    found: list[Any] = [None, None]
    error = None
    if idist.get_rank() == 0:
        try:
            found[0] = work()
        except SentenceError as raised:
            error, found[1] = raised, str(raised)
    distributed.broadcast_object_list(found)
    if found[1] is not None:
        raise error or InputError(found[1])
    return found[0]


@contextmanager
def done_by_all() -> Iterator[None]:
    """For a block that fails in every process of a training alike: the first one says why, the others are quiet."""
    try:
        yield
    except Exception as error:
        found = find_input_error(error)
        if found is not None:
            found.said_by_first = int(os.environ.get("RANK", "0")) > 0
        raise
