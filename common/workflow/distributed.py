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
from torch import distributed, nn
from torch.nn import SyncBatchNorm
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import BatchSampler, RandomSampler, Sampler, SequentialSampler, get_worker_info

from common.errors import InputError, SentenceError, find_input_error
from common.workflow.steps import makes_step

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

    def computed_by(self, index: int) -> int:
        """How many processes compute each image of a batch: one, or all of them if it has fewer images.

        Args:
            index: of the batch in the epoch, from 0.
        """
        size, cases = self.batches.batch_size, len(self.batches.sampler)  # type: ignore[arg-type]
        images = min(size, cases - index * size)
        return idist.get_world_size() if images < idist.get_world_size() else 1


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


class DistributedNetwork:
    """Ignite handler of a trainer: its network, and a loss that learns, in PyTorch's ``DistributedDataParallel``.

    The gradients of the processes are averaged while the backward pass still computes others, in every parameter of
    the network and of the loss; `WeighBatches` sees to it that every image counts the same. With
    ``accumulation_steps`` they are exchanged once for each step. Only the trainer calls what is wrapped: checkpoints,
    averages of the weights and validation have the network itself.

    Batch normalization takes the statistics of all images of a step on GPUs (``SyncBatchNorm``), which PyTorch cannot
    do on CPUs: there each process normalizes by its own share, and the running statistics are averaged after every
    epoch.

    The wrapper is made anew for each epoch, because its first step sums in another order than the later ones: a
    training that is resumed, in three processes or more too, then rounds as the uninterrupted one.

    Args:
        find_unused_parameters: for a network some of whose parameters may have no part in a step; they count as 0. Not
            with a loss that learns: PyTorch looks for what is used before the trainer has called the loss.

    Example:
        >>> from monai.engines import SupervisedTrainer
        >>> from torch import nn
        >>> DistributedNetwork().attach(SupervisedTrainer("cpu", 1, [0], nn.Identity(), None, nn.MSELoss()))
    """

    def __init__(self, find_unused_parameters: bool = False) -> None:
        self.find_unused_parameters = find_unused_parameters
        self.trained: _Trained | None = None

    def attach(self, engine: Engine) -> None:
        if idist.backend() is not None:
            engine.add_event_handler(Events.EPOCH_STARTED, self.wrap)
            engine.add_event_handler(Events.ITERATION_STARTED, self.synchronize)
            engine.add_event_handler(Events.ITERATION_COMPLETED, self.average_statistics)

    def wrap(self, engine: Engine) -> None:
        if self.trained is None:
            self.trained = _Trained(engine.network, engine.loss_function)
        engine.network = None  # which lets go of the epoch before, and of its hooks
        engine.network = DistributedDataParallel(
            self.trained, forward_sync_buffers=False, find_unused_parameters=self.find_unused_parameters
        )

    def synchronize(self, engine: Engine) -> None:
        engine.network.require_backward_grad_sync = makes_step(engine)  # as DistributedDataParallel.no_sync does

    def average_statistics(self, engine: Engine) -> None:
        if engine.state.iteration % engine.state.epoch_length:  # at the end of an epoch, before anything is validated
            return
        average_statistics(engine.network)


class _Trained(nn.Module):
    """What an optimizer changes: hooks on the parameters find gradients of the loss wherever it is computed."""

    def __init__(self, network: nn.Module, loss: Any) -> None:
        super().__init__()
        if any(parameter.is_cuda for parameter in network.parameters()):
            network = SyncBatchNorm.convert_sync_batchnorm(network)  # in place, its parameters stay the same objects
        self.network, self.loss = network, loss

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.network(*args, **kwargs)


def average_statistics(network: nn.Module) -> None:
    """Takes the mean over all processes of the running statistics of batch normalization that each has for itself.

    Example:
        >>> average_statistics(nn.BatchNorm2d(1))
    """
    if idist.get_world_size() == 1:
        return
    for norm in network.modules():
        if isinstance(norm, nn.modules.batchnorm._BatchNorm) and not isinstance(norm, SyncBatchNorm):
            for statistic in filter(torch.is_tensor, (norm.running_mean, norm.running_var)):
                statistic.copy_(idist.all_reduce(statistic) / idist.get_world_size())


def require_one_process(path: str | os.PathLike[str]) -> None:
    """For what writes the results of the cases that its own process sees.

    Raises:
        InputError: there are several processes; the message names the file that they would not write whole.

    Example:
        >>> require_one_process("summary.csv")
    """
    if idist.get_world_size() > 1:
        raise InputError(
            f"{path} can be written by one process only: run the command without torchrun and without "
            "configs/multi_gpu_train.yaml."
        )


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
