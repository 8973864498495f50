"""Numbers as tables show them."""

from __future__ import annotations

import math

import pytest

from common.io.rounding import rounded


@pytest.mark.parametrize(
    ("value", "decimals", "expected"),
    [
        (0.0, 3, 0.0),
        (1234.56789, 3, 1234.568),
        (0.5, 3, 0.5),
        (0.12345, 3, 0.123),
        (0.0123456, 3, 0.0123),
        (0.1, 4, 0.1),
        (2.5e-4, 4, 2.5e-4),
        (1.87654e-8, 3, 1.88e-8),
        (-0.00123456, 4, -0.001235),
        (math.inf, 3, math.inf),
    ],
)
def test_small_numbers_keep_their_first_digits(value: float, decimals: int, expected: float) -> None:
    assert rounded(value, decimals) == pytest.approx(expected, rel=1e-12)
    assert rounded(value, decimals) == rounded(rounded(value, decimals), decimals)


def test_what_is_no_number_stays() -> None:
    assert math.isnan(rounded(math.nan, 3))
