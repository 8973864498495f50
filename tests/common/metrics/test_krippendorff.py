"""Krippendorff's alpha against its definition and its author's example."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from common.errors import ArgumentError
from common.fusion import distinct_patterns
from common.metrics import fleiss_kappa, krippendorff_alpha, pairwise_dice


def by_definition(labels: np.ndarray) -> float:
    """Coincidences pair by pair."""
    classes = max(2, labels.max() + 1)
    coincidences = np.zeros((classes, classes))
    for column in labels.T:
        given = [value for value in column if value >= 0]
        for one, other in itertools.permutations(range(len(given)), 2):
            coincidences[given[one], given[other]] += 1 / (len(given) - 1)
    total = coincidences.sum(1)
    n = total.sum()
    pairs = list(itertools.permutations(range(classes), 2))
    observed = sum(coincidences[c, k] for c, k in pairs) / n
    expected = sum(total[c] * total[k] for c, k in pairs) / (n * (n - 1))
    return 1 - observed / expected


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("absent", [0.0, 0.5])
def test_it_is_the_definition(classes: int, absent: float):
    generator = np.random.default_rng(classes)
    truth = generator.integers(0, classes, 60)
    labels = np.where(generator.random((4, 60)) < 0.6, truth, generator.integers(0, classes, (4, 60)))
    labels = np.where(generator.random((4, 60)) < absent, -1, labels)
    assert krippendorff_alpha(torch.from_numpy(labels)).item() == pytest.approx(by_definition(labels), abs=1e-12)
    shaped = torch.from_numpy(labels.reshape(4, 6, 10)).float()
    assert krippendorff_alpha(shaped).item() == pytest.approx(by_definition(labels), abs=1e-12)


def test_the_example_of_its_author():
    """Section C of Krippendorff 2011: four observers, twelve units, missing entries; α for nominal data is 0.743."""
    rows = [
        "1 2 3 3 2 1 4 1 2 . . .",
        "1 2 3 3 2 2 4 1 2 5 . 3",
        ". 3 3 3 2 3 4 2 2 5 1 .",
        "1 2 3 3 2 4 4 1 2 5 1 .",
    ]
    labels = torch.tensor([[-1 if value == "." else int(value) for value in row.split()] for row in rows])
    assert krippendorff_alpha(labels).item() == pytest.approx(0.743, abs=5e-4)


def test_patterns_with_counts_are_all_pixels():
    labels = torch.randint(-1, 3, (3, 500), generator=torch.Generator().manual_seed(0))
    patterns, _, counts = distinct_patterns(labels, 3)
    for measure in (krippendorff_alpha, fleiss_kappa, pairwise_dice):
        torch.testing.assert_close(measure(patterns.T, counts), measure(labels))


def test_extremes():
    agreed = torch.tensor([[0, 1, -1], [0, 1, 2]])
    assert krippendorff_alpha(agreed).item() == 1
    assert krippendorff_alpha(torch.zeros(3, 4)).item() == 1
    assert krippendorff_alpha(torch.tensor([[0, -1], [-1, 1]])).isnan()
    with pytest.raises(ArgumentError, match="expected \\(annotator"):
        krippendorff_alpha(torch.zeros(3))
    for measure in (krippendorff_alpha, fleiss_kappa, pairwise_dice):
        with pytest.raises(ArgumentError, match="counts: expected one for each of 4 pixels, got 3"):
            measure(torch.zeros(2, 4), torch.ones(3))
