"""How shakily borders were drawn: the a and b of a Gaussian field, from labels and predictions.

If a label is the predicted border moved by a Gaussian field X with the covariance a² exp(−r²/2b²) per component
(`common.noise.sample_gaussian_field`), its border lies r_i = X(x_i)·n_i further out at the border point x_i with the
normal n_i, to first order. So for two points at the distance r

    E[r_i r_j] = a² exp(−r²/2b²) · (n_i · n_j).

The products of residuals are collected by distance, over all cases, one case at a time; a and b are their least
squares fit. Points closer than two voxels are left out, and with them the rounding to the grid of voxels, which is not
correlated over longer distances: a is hardly inflated by it. A b of less than two voxels cannot be seen. The network's
own errors at the border are in a.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import pdist

from common.audit.geometry import Residuals

__all__ = ["BINS", "BorderNoise", "border_products", "estimate_border_noise", "fit_border_noise"]

EDGES = 0.25 * 2.0 ** (np.arange(49) / 4)  # mm: 0.25 to 1024
BINS = len(EDGES) - 1
MOST_POINTS = 500  # of a case
RESAMPLES = 200
FEWEST_CASES = 3
LENGTHS = 0.5 * 2.0 ** (np.arange(89) / 8)  # mm, tried for b: 0.5 to 1024


@dataclass(frozen=True)
class BorderNoise:
    """The Gaussian field of the labels' borders around the predictions.

    Attributes:
        a: standard deviation of the displacement along an axis, mm.
        b: correlation length, mm.
        a_interval: 95 % interval of a by resampling cases.
        b_interval: of b.
        cases: that were used.
    """

    a: float
    b: float
    a_interval: tuple[float, float]
    b_interval: tuple[float, float]
    cases: int


def border_products(residuals: Residuals, spacing: Sequence[float], seed: int = 0) -> np.ndarray:
    """The sums over pairs of border points of one case, by their distance.

    Args:
        residuals: of `border_residuals`.
        spacing: voxel size along each axis in mm.
        seed: draws 500 points where there are more.

    Returns:
        (3, `BINS`): Σ r_i r_j (n_i·n_j), Σ (n_i·n_j)², and Σ (n_i·n_j)² r² with the distance r, by distance.

    Example:
        >>> line = Residuals(np.array([[0.0], [4.0]]), np.array([[1.0], [-1.0]]), np.array([2.0, 3.0]))
        >>> border_products(line, [1.0]).sum(1).tolist()
        [-6.0, 1.0, 16.0]
    """
    outward, points, normals = residuals.outward, residuals.points, residuals.normals
    if len(outward) > MOST_POINTS:
        chosen = np.random.default_rng(seed).choice(len(outward), MOST_POINTS, replace=False)
        outward, points, normals = outward[chosen], points[chosen], normals[chosen]
    if len(outward) < 2:
        return np.zeros((3, BINS))
    first, second = np.triu_indices(len(outward), 1)
    distance = pdist(points)
    along = np.einsum("ij,ij->i", normals[first], normals[second])
    place = np.searchsorted(EDGES, distance, side="right") - 1
    kept = (distance >= 2 * max(spacing)) & (place >= 0) & (place < BINS)  # nearer than the first: of small voxels
    place, along, distance = place[kept], along[kept], distance[kept]
    products = (outward[first] * outward[second])[kept]
    weights = along**2
    sums = (products * along, weights, weights * distance**2)
    return np.stack([np.bincount(place, value, minlength=BINS) for value in sums])


def fit_border_noise(products: np.ndarray) -> tuple[float, float]:
    """The least squares fit of a and b.

        min over a, b of Σ_k w_k (c_k − a² exp(−r_k²/2b²))²

    Args:
        products: (3, `BINS`) of `border_products`, summed over cases.

    Returns:
        a and b in mm; nan where there is nothing to fit, a = 0 and b nan without correlation.

    Example:
        >>> r = np.sqrt(EDGES[:-1] * EDGES[1:])
        >>> a, b = fit_border_noise(np.stack([4 * np.exp(-(r**2) / 200), np.ones(BINS), r**2]))
        >>> round(a, 2), round(b, 1)
        (2.0, 10.0)
    """
    used = products[1] > 0
    if not used.any():
        return math.nan, math.nan
    weight = products[1, used]
    covariance, square = products[0, used] / weight, products[2, used] / weight

    def errors(lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        shape = np.exp(-square / (2 * lengths[:, None] ** 2))
        variance = np.maximum(0.0, shape @ (weight * covariance) / np.maximum(shape**2 @ weight, 1e-300))
        return (covariance - variance[:, None] * shape) ** 2 @ weight, variance

    lengths = LENGTHS[np.sqrt(square.min()) <= LENGTHS]  # shorter ones leave hardly a trace beyond two voxels
    if not len(lengths):
        return math.nan, math.nan
    best = int(np.argmin(errors(lengths)[0]))
    finer = np.geomspace(lengths[max(0, best - 1)], lengths[min(len(lengths) - 1, best + 1)], 41)
    found, variances = errors(finer)
    length, variance = float(finer[np.argmin(found)]), float(variances[np.argmin(found)])
    return math.sqrt(variance), length if variance > 0 else math.nan


def estimate_border_noise(products: Sequence[np.ndarray], seed: int = 0) -> BorderNoise | None:
    """Estimates a and b over all cases, with intervals.

    Args:
        products: of `border_products` for each case (its structures summed).
        seed: of the resampling.

    Returns:
        The estimate, or None with fewer than three cases that have a border.

    Example:
        >>> r = np.sqrt(EDGES[:-1] * EDGES[1:])
        >>> found = estimate_border_noise([np.stack([4 * np.exp(-(r**2) / 200), np.ones(BINS), r**2])] * 3)
        >>> round(found.a, 2), round(found.b, 1), found.cases
        (2.0, 10.0, 3)
    """
    kept = [one for one in products if one[1].any()]
    if len(kept) < FEWEST_CASES:
        return None
    usable = np.stack(kept)
    a, b = fit_border_noise(np.sum(usable, axis=0))
    random = np.random.default_rng(seed)
    drawn = [fit_border_noise(usable[random.integers(len(usable), size=len(usable))].sum(0)) for _ in range(RESAMPLES)]
    return BorderNoise(
        a, b, _interval([pair[0] for pair in drawn]), _interval([pair[1] for pair in drawn]), len(usable)
    )


def _interval(values: Sequence[float]) -> tuple[float, float]:
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return math.nan, math.nan
    low, high = np.percentile(finite, (2.5, 97.5))
    return float(low), float(high)
