"""Random numbers that belong to a case: the same in every process, on every worker, in every epoch and order."""

from __future__ import annotations

import hashlib

import torch

__all__ = ["case_generator"]


def case_generator(seed: int, *names: str | int) -> torch.Generator:
    """A CPU generator whose state is a function of ``seed`` and ``names`` only.

    It is seeded with the first 64 bits of BLAKE2b of the arguments' texts, unlike Python's ``hash``, which differs
    between processes.

    Args:
        seed: the experiment's seed.
        names: what the random numbers belong to, for instance the case name and the annotator.

    Returns:
        A new `torch.Generator` on the CPU.

    Example:
        >>> draw = lambda case: torch.randint(100, (), generator=case_generator(0, case)).item()
        >>> draw("case_1") == draw("case_1"), draw("case_1") == draw("case_2")
        (True, False)
    """
    text = "\0".join(map(str, (seed, *names)))
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "little"))
