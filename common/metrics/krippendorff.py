"""Krippendorff's alpha: agreement beyond chance where not every annotator labeled everything."""

from __future__ import annotations

import torch

from common.errors import ArgumentError

__all__ = ["krippendorff_alpha"]


def krippendorff_alpha(labels: torch.Tensor, counts: torch.Tensor | None = None) -> torch.Tensor:
    """Krippendorff's alpha for nominal data, with missing entries.

        α = 1 − D_o / D_e,   D_o = Σ_{c ≠ k} o_ck / n,   D_e = Σ_{c ≠ k} n_c n_k / (n (n − 1))

        o_ck = Σ_x (number of ordered pairs of annotators who gave pixel x the classes c and k) / (m_x − 1)

    with m_x the annotators who labeled pixel x, n_c = Σ_k o_ck and n = Σ_c n_c. Pixels that fewer than two labeled are
    left out, as nothing can be paired with their labels. A pixel counts as many times as it has labels, where it counts
    once in `fleiss_kappa`; and chance is drawing without putting back.

    Source: Krippendorff, *Computing Krippendorff's Alpha-Reliability*, 2011, section B and C,
    https://repository.upenn.edu/asc_papers/43.

    Args:
        labels: class indices ``(R, *spatial)`` of any type; −1 where an annotator did not label.
        counts: how often each pixel counts, of the size of ``spatial``; None: once. With the distinct columns of labels
            and how often they occur, `common.fusion.distinct_patterns`, the result is that of all pixels.

    Returns:
        A float64 scalar of at most 1 (on the CPU for Apple's MPS); 1 where all agree, on a single class too, nan if no
        pixel has two labels.

    Raises:
        ArgumentError: if the shape has no annotators and pixels, or ``counts`` another size.

    Example:
        >>> krippendorff_alpha(torch.tensor([[0, 0, 1, 1, -1], [0, 0, 1, 1, 1], [0, 1, 1, -1, -1]]))
        tensor(0.6667, dtype=torch.float64)
    """
    if labels.ndim < 2:
        raise ArgumentError(f"labels: expected (annotator, *spatial), got the shape {tuple(labels.shape)}.")
    units = (labels.cpu() if labels.device.type == "mps" else labels).as_subclass(torch.Tensor).flatten(1)
    weight = torch.ones(units.shape[1]) if counts is None else counts.flatten()
    if len(weight) != units.shape[1]:
        raise ArgumentError(f"counts: expected one for each of {units.shape[1]} pixels, got {len(weight)}.")
    weight = weight.to(units.device).double()
    given = (units >= 0).sum(0)
    pairable = (given > 1) & (weight > 0)
    units, weight, given = units[:, pairable], weight[pairable], given[pairable].double()
    classes = units.unique()
    classes = classes[classes >= 0]
    if not len(classes):
        return torch.tensor(torch.nan, dtype=torch.float64)
    values = torch.stack([(units == index).sum(0) for index in classes]).double()
    total = (values * weight).sum(1)
    paired = (values * (values - 1) / (given - 1) * weight).sum()
    n = total.sum()
    observed = n - paired
    expected = (n * n - total.square().sum()) / (n - 1)
    return torch.where(observed == 0, 1.0, 1 - observed / expected)
