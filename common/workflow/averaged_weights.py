"""The moving average of a network's weights as a network of its own."""

from __future__ import annotations

from typing import Any

from ignite.engine import Engine, Events
from ignite.handlers import EMAHandler
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from common.workflow.distributed import average_statistics


class AverageWeights(EMAHandler):
    """Ignite's `EMAHandler` of a trainer, into a network that the configuration can name.

        θ̄ ← (1 − m_t) θ̄ + m_t θ,   m_t = max(m, 1 / t)   after iteration t

    Until iteration 1 / m it is the plain mean of all weights so far, so that a training of any length forgets the
    random ones that it started from. m_t depends on t alone: a resumed training has the average of the uninterrupted
    one. The statistics of batch normalization are averaged like the weights, and over the processes of a training at
    the end of an epoch, where each has its own. Ignite makes the averaged network itself,
    inside of the handler, where neither validation nor the checkpoint of a configuration would find it.

    Args:
        network: network that is trained.
        average: a copy of it, which holds the average and is never trained.
        momentum: m, above 0 and below 1; the average looks back about 1 / m iterations.

    Example:
        >>> from copy import deepcopy
        >>> network = nn.Linear(1, 1)
        >>> average = deepcopy(network)
        >>> AverageWeights(network, average, momentum=0.01).ema_model is average
        True
    """

    def __init__(self, network: nn.Module, average: nn.Module, momentum: float = 0.001) -> None:
        super().__init__(network, momentum, handle_buffers="update")
        self.ema_model = average.requires_grad_(False).eval()

    def attach(self, engine: Engine, *args: Any, **kwargs: Any) -> None:
        super().attach(engine, *args, **kwargs)
        engine.add_event_handler(Events.EPOCH_COMPLETED, lambda: average_statistics(self.ema_model))

    def _update_ema_model(self, engine: Engine, name: str) -> None:
        """In place of Ignite's, which goes over the tensors one by one, this takes all at once."""
        momentum = max(self.momentum, 1 / engine.state.iteration)
        setattr(engine.state, name, momentum)
        tensors = ([*network.parameters(), *network.buffers()] for network in (self.ema_model, self.model))
        pairs = list(zip(*tensors, strict=True))
        average, weights = zip(*(pair for pair in pairs if pair[0].is_floating_point()), strict=True)
        get_ema_multi_avg_fn(1 - momentum)(average, weights, None)
        for count, new in (pair for pair in pairs if not pair[0].is_floating_point()):
            count.copy_(new)  # how many batches the normalization has seen
