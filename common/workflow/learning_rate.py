"""Schedules of the learning rate that a training which is continued for longer follows to its new end."""

from __future__ import annotations

__all__ = ["linear_decay"]


def linear_decay(step: int, steps: int, last: float) -> float:
    r"""The factor on the learning rate, which goes from 1 to ``last`` along a straight line.

    $$ f(t) = 1 + (f_N - 1) \, \min(t, N) / N $$

    For ``torch.optim.lr_scheduler.LambdaLR``. PyTorch's ``LinearLR`` keeps N in its state, so that a training that is
    continued with more epochs would go on at the last learning rate of the shorter one, where it hardly learns.

    Args:
        step: t, from 0 up.
        steps: N, from which on the factor stays, at least 1.
        last: f_N, from 0 up.

    Returns:
        The factor.

    Example:
        >>> [linear_decay(step, steps=4, last=0.5) for step in (0, 2, 4, 9)]
        [1.0, 0.75, 0.5, 0.5]
    """
    return 1 + (last - 1) * min(step, steps) / steps
