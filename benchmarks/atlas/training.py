"""One training loop for all methods: the same network, steps, order of images, views and schedule."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Sequence

import torch
from torch import nn

from benchmarks.atlas.data_sets import Case, DataSet, Task, stacked
from benchmarks.atlas.methods import TARGETS, WARM_UP, Method
from common.losses import LogitConsistencyLoss, annotator_log_probabilities
from common.networks import AnnotatorNetwork, UNet
from common.networks.segmenter import vote
from common.transforms.boundary import boundary_weight
from common.transforms.views import RandomView, unwarp

WARM_UP_RATE = 1e-2
RADIUS = 5.0  # of boundary-weighted consistency, pixels
TRACE_WARM_UP = 0.15  # share of the steps in which annotators' traces are maximized


class Trained:
    """A network after training, and what it took.

    Attributes:
        network: in evaluation mode.
        seconds: of CPU time, of the steps alone.

    Args:
        network: a segmentation network with logits, or an `AnnotatorNetwork`.
        seconds: of its training.
    """

    def __init__(self, network: nn.Module, seconds: float) -> None:
        self.network, self.seconds = network.eval(), seconds

    @torch.inference_mode()
    def probabilities(self, images: torch.Tensor) -> torch.Tensor:
        """The classes' probabilities; of an annotator network the vote of the annotators that it predicts.

        Args:
            images: ``(S, C, *spatial)``.

        Returns:
            ``(S, L, *spatial)``, summing to 1 over the classes.
        """
        output = self.network(images)
        if isinstance(output, tuple):
            return vote(annotator_log_probabilities(*output))
        return output.softmax(1)


class Trainer:
    """Trains methods on the same labels, from the same warmed-up networks.

    Early in a training many losses leave out the rarer classes, some for good. So every method begins with the weights
    of ``warm_up`` steps of cross-entropy on the same labels (of several annotators, on their majority).

    Args:
        task: whose training cases are used.
        settings: of the data set.
        labels: of each training case ``(R, S, *spatial)``.
        seed: of weights, order and views, the same for all methods.
    """

    def __init__(self, task: Task, settings: DataSet, labels: Sequence[torch.Tensor], seed: int) -> None:
        self.task, self.settings, self.labels, self.seed = task, settings, labels, seed
        self.warm: dict[bool, nn.Module] = {}

    def train(self, method: Method, learning_rate: float, consistency: float = 0.0) -> Trained:
        """Trains one method.

        Args:
            method: what to learn, and from what.
            learning_rate: after the warm-up.
            consistency: weight of the consistency with a second view, of a method that has one.

        Returns:
            The network.
        """
        if method.annotators not in self.warm:
            torch.manual_seed(self.seed)
            network = _network(method, self.task, self.settings, len(self.labels[0]))
            first = WARM_UP[method.annotators], self.task, self.settings, self.labels
            train(*first, WARM_UP_RATE, self.seed, network, self.settings.warm_up)
            self.warm[method.annotators] = network
        network = copy.deepcopy(self.warm[method.annotators]).train()
        seed, steps = self.seed + 1, self.settings.steps
        return train(method, self.task, self.settings, self.labels, learning_rate, seed, network, steps, consistency)


def train(
    method: Method,
    task: Task,
    settings: DataSet,
    labels: Sequence[torch.Tensor],
    learning_rate: float,
    seed: int,
    network: nn.Module,
    steps: int,
    consistency: float = 0.0,
) -> Trained:
    """Trains a network. Adam, whose learning rate falls linearly to zero; the last weights are kept.

    Every image is seen in a random view (`RandomView`, of the bwcr bundle), and what the network says is brought back
    to the image before it is compared with the label; pixels without a source in the view do not count.

    Args:
        method: what to learn, and from what.
        task: whose training cases are used.
        settings: of the data set.
        labels: of each training case ``(R, S, *spatial)``.
        learning_rate: at the start.
        seed: of order and views.
        network: to train, in place.
        steps: how many.
        consistency: factor of the boundary weights; 0 sees no second view.

    Returns:
        The network.
    """
    plan = task.plan
    cases: Sequence[Case] = task.sections["training"]
    images = stacked(cases)
    targets = torch.cat([TARGETS[method.target](drawn, plan.num_classes) for drawn in labels])
    weights = None
    if consistency:
        weights = consistency * torch.stack([boundary_weight(label, RADIUS) for label in targets[:, 0]])[:, None]
    criterion, agreement = method.loss(), LogitConsistencyLoss()
    optimizer = torch.optim.Adam([*network.parameters(), *criterion.parameters()], learning_rate)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)
    view = RandomView(spacing=plan.voxel_size)
    view.set_random_state(seed)
    began = time.process_time()
    for step, chosen in zip(range(steps), _batches(len(images), settings.batch_size, seed), strict=False):
        if hasattr(criterion, "warming_up"):
            setattr(criterion, "warming_up", step < TRACE_WARM_UP * steps)  # noqa: B010 - of either criterion
        outputs, valid = _seen(network, images[chosen], view)
        loss = criterion(*outputs, torch.where(valid, targets[chosen], -1))
        if weights is not None:
            (other,), valid_too = _seen(network, images[chosen], view)
            loss = loss + agreement(outputs[0], other, weights[chosen], valid & valid_too)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return Trained(network, time.process_time() - began)


def _network(method: Method, task: Task, settings: DataSet, annotators: int) -> nn.Module:
    dims, channels, classes = task.plan.spatial_dims, task.plan.channels, task.plan.num_classes
    if not method.annotators:
        return UNet(dims, channels, classes, settings.features)
    backbone = UNet(dims, channels, settings.features[0], settings.features)
    return AnnotatorNetwork(backbone, dims, settings.features[0], classes, annotators)


def _seen(network: nn.Module, images: torch.Tensor, view: RandomView) -> tuple[list[torch.Tensor], torch.Tensor]:
    """What the network says of a view, at the images' own pixels, and where it says something: ``(B, 1, *spatial)``.

    Log-probabilities of truth and annotators are interpolated as probabilities, which keep their sum.
    """
    seen, matrix = view(images)
    output = network(seen)
    if not isinstance(output, tuple):
        logits, valid = unwarp(output, matrix)
        return [logits], valid
    back: list[torch.Tensor] = []
    for part in output:
        found, valid = unwarp(part.exp().flatten(1, part.ndim - images.ndim + 1), matrix)
        back.append(found.clamp_min(torch.finfo(found.dtype).tiny).log().view_as(part))
    return back, valid


def _batches(count: int, size: int, seed: int) -> Iterator[torch.Tensor]:
    """Indices without end: each image once before any comes again."""
    generator = torch.Generator().manual_seed(seed)
    queue = torch.empty(0, dtype=torch.long)
    while True:
        while len(queue) < size:
            queue = torch.cat([queue, torch.randperm(count, generator=generator)])
        yield queue[:size]
        queue = queue[size:]
