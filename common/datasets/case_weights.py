r"""Weights of cases: which cases a training leaves out, and how often it draws the others.

Let $w_c \ge 0$ be the weight of case c, $n_c$ its number of samples (its slices, where volumes are cut into slices,
else 1), and $\ell(\theta; s)$ the loss of a sample. A training with weights minimizes

$$ L(\theta) = \frac{\sum_c w_c \sum_{s \in c} \ell(\theta; s)}{\sum_c w_c n_c} . $$

Samples are drawn independently with the probabilities $P(s) = w_{c(s)} / \sum_c w_c n_c$. Then
$E[\ell(\theta; S)] = \sum_s P(s) \, \ell(\theta; s) = L(\theta)$, and, since P does not depend on θ, the expectation of
the gradient is $\nabla L$; the mean over the samples of a batch keeps both. The weights are thus in how often a sample
comes and not in the loss, which stays as it is for every method: losses that learn a scale of their own (T-Loss), that
are no sum over samples (soft Dice of a batch) or have several terms (consistency, confusion matrices) have no factor
that would mean the same. Of a loss that joins the samples of a batch it is the expected loss of batches drawn in this
way.

Where all weights are equal, the samples are drawn without replacement, as without weights: the expectation is the same.

Source: Needell, Srebro and Ward, *Stochastic gradient descent, weighted sampling, and the randomized Kaczmarz
algorithm*, 2014, [arXiv:1310.5715](https://arxiv.org/abs/1310.5715).
"""

from __future__ import annotations

import math
import os
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches

import torch
from torch.utils.data import RandomSampler, Sampler, WeightedRandomSampler

from common.datasets.dataset import Dataset
from common.datasets.samples import Samples
from common.datasets.split import Split
from common.errors import InputError, counted, shown_names
from common.io.files import read_case_column

__all__ = ["leave_out", "read_case_weights", "sample_weights", "sampler_of"]

COLUMN = "weight"


def read_case_weights(path: str | os.PathLike[str], dataset: Dataset) -> dict[str, float]:
    """Reads the weights of cases.

    Args:
        path: of a CSV file with the columns ``case`` and ``weight``, such as the ``weights.csv`` of an audit; others,
            empty rows and spaces around a field are ignored. It need not list every case: those that it does not list
            have the weight 1.
        dataset: all cases, of whatever section.

    Returns:
        Weight of each case that is listed, finite and at least 0; empty of a table without rows.

    Raises:
        InputError: the file is missing or no such table; a row has another number of fields than the header; a weight
            is no number, negative or not finite; a case is listed twice, or is not in the data set.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> items = ({"case": "a"}, {"case": "b"})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "weights.csv").write_text("case,weight\\na,0\\n", encoding="utf-8")
        ...     read_case_weights(Path(folder, "weights.csv"), Dataset("plain", Path("/data"), items))
        {'a': 0.0}
    """
    known = {str(case): str(case) for case in dataset.cases}
    alike = {_alike(case): case for case in known} | known
    found: dict[str, float] = {}
    for name, text in read_case_column(path, COLUMN, "case_weights", "the weights.csv of an audit"):
        case = alike.get(name, alike.get(_alike(name), name))
        if case in found:
            raise InputError(f"{path}: the case {case} is listed twice; keep one of the two.")
        try:
            found[case] = float(text)
        except ValueError:
            found[case] = math.nan
        if not 0 <= found[case] < math.inf:
            raise InputError(f"{path}: the weight of the case {case} must be a number from 0 up, got {text!r}.")
    if unknown := [case for case in found if case not in known]:
        near = get_close_matches(unknown[0], sorted(known), n=1)
        hint = f"; did you mean {near[0]}?" if near else f", whose cases are {shown_names(sorted(known))}."
        raise InputError(
            f"{path} lists {len(unknown)} of {len(found)} cases that {dataset.root} does not hold: "
            f"{shown_names(unknown)}{hint}"
        )
    return found


def _alike(name: str) -> str:
    """A name as a spreadsheet may have it: without spaces around it, letters with accents as one character."""
    return unicodedata.normalize("NFC", name.strip())


def leave_out(split: Split, weights: Mapping[str, float], source: str | os.PathLike[str]) -> Split:
    """Leaves the cases of weight 0 out of training, and of training only.

    Args:
        split: of all cases.
        weights: by case, at least 0 each; a case that is not among them has the weight 1.
        source: file of the weights, for messages.

    Returns:
        The split with `Split.weights` and `Split.left_out`, and in `Split.origin` how many cases are left out.

    Raises:
        InputError: there are training cases, and all have the weight 0.

    Example:
        >>> split = leave_out(Split([{"case": "a"}, {"case": "b"}], [{"case": "c"}]), {"a": 0, "c": 0}, "weights.csv")
        >>> split.training, split.validation, split.weights
        ([{'case': 'b'}], [{'case': 'c'}], {'a': 0.0, 'b': 1.0})
        >>> split.origin.partition(". ")[0]
        'weights.csv leaves out 1 of 2 training cases, by weight 0'
    """
    of_case = {str(item["case"]): float(weights.get(str(item["case"]), 1.0)) for item in split.training}
    training = [item for item in split.training if of_case[str(item["case"])] > 0]
    if of_case and not training:
        raise InputError(f"{source}: all {len(of_case)} training cases have weight 0, so that none is left to learn.")
    listed = sum(case in weights for case in of_case)
    said = [split.origin] if split.origin else []
    said.append(f"{source} leaves out {len(of_case) - len(training)} of {len(of_case)} training cases, by weight 0.")
    if len({weight for weight in of_case.values() if weight > 0}) > 1:
        said.append("The others are drawn in proportion to their weights.")
    if listed < len(of_case):
        said.append(f"It lists {listed} of them; the rest has weight 1.")
    left_out = frozenset(str(case) for case, weight in weights.items() if weight == 0)
    measuring = dict.fromkeys(str(item["case"]) for item in (*split.validation, *split.test))
    if kept := [case for case in measuring if case in left_out]:
        said.append(f"Of weight 0, but kept: {counted(len(kept), 'validation or test case')} ({shown_names(kept)}).")
    return replace(split, training=training, weights=of_case, left_out=left_out, origin=" ".join(said))


def sample_weights(samples: Samples, weights: Mapping[str, float]) -> torch.Tensor:
    """The weight of each sample: that of its case, so that a volume of many slices counts by its slices, as ever.

    Args:
        samples: of the training section.
        weights: by case; a case that is not among them has the weight 1.

    Returns:
        ``(len(samples),)`` float64.

    Example:
        >>> from monai.transforms import Compose
        >>> from common.datasets.plan import example_plan
        >>> samples = Samples([{"case": "a"}, {"case": "b"}], Compose([]), example_plan())
        >>> sample_weights(samples, {"b": 0.5})
        tensor([1.0000, 0.5000], dtype=torch.float64)
    """
    of_case = [float(weights.get(str(item.get("case")), 1.0)) for item in samples.data]
    return torch.tensor([of_case[index] for index in samples.case_indices()], dtype=torch.float64)


def sampler_of(
    dataset: Samples, weights: Mapping[str, float] | None = None, num_samples: int | None = None
) -> Sampler[int]:
    """The order in which a training goes through its samples, drawn from PyTorch's random numbers in every epoch.

    =============  ===================================  ================================================================
    ``weights``    without ``num_samples``              with ``num_samples``
    =============  ===================================  ================================================================
    none or equal  all samples once, shuffled           so many samples, each as likely, with replacement
    others         as many as there are samples, with   so many samples, in proportion to the weights, with
                   replacement, in proportion           replacement
    =============  ===================================  ================================================================

    What this minimizes stands at the head of this module. `common.workflow.EpochSeed` seeds the random numbers of each
    epoch, alike in all processes, so that a run that is repeated, resumed, or shared by several processes has the same
    order.

    Args:
        dataset: samples of the training section.
        weights: by case, as `Split.weights`; a case that is not among them has the weight 1. None or empty: equal.
        num_samples: of an epoch, at least 1; None for as many as there are.

    Returns:
        A sampler for a `DataLoader`.

    Example:
        >>> from monai.transforms import Compose
        >>> from common.datasets.plan import example_plan
        >>> samples = Samples([{"case": "a"}, {"case": "b"}], Compose([]), example_plan())
        >>> sorted(sampler_of(samples)), set(sampler_of(samples, {"a": 0.0, "b": 2.0}))
        ([0, 1], {1})
    """
    drawn = sample_weights(dataset, weights or {})
    if not len(drawn) or (drawn == drawn[0]).all():
        return RandomSampler(dataset, replacement=num_samples is not None, num_samples=num_samples)
    relative = (drawn / drawn.max()).tolist()  # so that no sum overflows
    return WeightedRandomSampler(relative, len(drawn) if num_samples is None else num_samples, replacement=True)
