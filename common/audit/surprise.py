r"""How surprising a label is for the network that did not see it, and for the data set that it belongs to.

A label far from the probabilities p of a network that is unsure says little, and structures differ in how well networks
segment them. So two distances of each structure c are compared with what the network itself expects, by logarithms of
ratios, and these with the same structure in the other cases:

    D_c = (2 Σ p_c y_c + ε) / (Σ p_c + Σ y_c + ε)        soft Dice of the label, and K_c that of the prediction ŷ_c
    d_c = log((1 − D_c) / (1 − K_c))

    ℓ_c = Σ −log P(y_c),    h_c = Σ H(P_c)                log-loss of the label, and what is expected of it
    l_c = log((ℓ_c + ε) / (h_c + ε))

over the labeled voxels, with P(y_c) = p_c in the structure and 1 − p_c outside, H its entropy, and ε = 1 voxel so that
nothing is divided by 0. If the truth has the network's probabilities, E ℓ_c = h_c; of the label that equals the
prediction d_c = 0. For a network that is sure of everything, every label would be infinitely surprising: so 1 − D and
1 − K count as at least 0.01, and for ℓ and h the probabilities as between 1e-4 and 1 − 1e-4.

Each is standardized by the median m and σ = 1.4826 times the median absolute deviation of all cases (at least 0.1), and
the surprise of a case is that of its most surprising structure:

    surprise = max_c (d_c − m(d_c)) / σ(d_c) + (l_c − m(l_c)) / σ(l_c)

So one wrong structure of several counts in full, and a structure that all networks find hard does not make every label
suspicious. The unit is the usual spread in this data set; of a single case the surprise is 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from common.audit.geometry import predicted_classes

__all__ = ["structure_doubts", "surprises"]

VOXEL = 1.0  # ε
SUREST = 1e-4  # least probability of a class
CLOSEST = 0.01  # least 1 − Dice
LEAST_SPREAD = 0.1  # σ
MAD = 1.4826


def structure_doubts(label: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """The doubts d and l of each foreground class, see the head of this module.

    Args:
        label: ``(*spatial)`` integers, 0 … C − 1, −1 where not labeled.
        probabilities: ``(C, *spatial)``, C ≥ 2, summing to 1.

    Returns:
        float64 (C − 1, 2); nan of a structure that is neither labeled nor predicted.

    Example:
        >>> p = np.array([[0.9, 0.1, 0.1], [0.1, 0.9, 0.9]])
        >>> structure_doubts(np.array([0, 1, 1]), p).round(2).tolist()
        [[0.0, -0.41]]
        >>> structure_doubts(np.array([1, 0, 1]), p).round(2).tolist()
        [[1.85, 1.06]]
    """
    known = label >= 0
    drawn, prediction = label[known], predicted_classes(probabilities)[known]
    doubts = np.full((len(probabilities) - 1, 2), np.nan)
    for index in range(1, len(probabilities)):
        p = probabilities[index][known].astype(np.float64)
        inside, predicted = drawn == index, prediction == index
        if not (inside.any() or predicted.any()):
            continue
        far = [_distance(p, mask) for mask in (inside, predicted)]
        doubts[index - 1, 0] = np.log(far[0] / far[1])
        p = np.clip(p, SUREST, 1 - SUREST)
        logarithm, rest = np.log(p), np.log1p(-p)
        loss = -float(logarithm[inside].sum() + rest[~inside].sum())
        expected = -float((p * logarithm).sum() + ((1 - p) * rest).sum())
        doubts[index - 1, 1] = np.log((loss + VOXEL) / (expected + VOXEL))
    return doubts


def surprises(doubts: Sequence[np.ndarray]) -> np.ndarray:
    """The surprise of every case, see the head of this module.

    Args:
        doubts: (C − 1, 2) of `structure_doubts` of each case; C may differ.

    Returns:
        (N,), the higher, the more surprising; nan of a case without any structure. Empty for no cases.

    Example:
        >>> usual = [np.array([[0.1 * k, 0.2 * k]]) for k in range(5)]
        >>> surprises([*usual, np.array([[3.0, 4.0]])]).argmax()
        np.int64(5)
    """
    most = max((len(one) for one in doubts), default=0)
    every = np.full((len(doubts), most, 2), np.nan)
    for row, one in zip(every, doubts, strict=True):
        row[: len(one)] = one
    every = every[:, np.isfinite(every).any((0, 2))]
    middle = np.nanmedian(every, axis=0)
    spread = np.maximum(MAD * np.nanmedian(np.abs(every - middle), axis=0), LEAST_SPREAD)
    found = ((every - middle) / spread).sum(2).max(1, initial=-np.inf, where=np.isfinite(every).all(2))
    return np.where(np.isfinite(found), found, np.nan)


def _distance(p: np.ndarray, mask: np.ndarray) -> float:
    """1 − the soft Dice of a mask."""
    dice = (2 * p[mask].sum() + VOXEL) / (p.sum() + mask.sum() + VOXEL)
    return max(CLOSEST, 1 - float(dice))
