"""Small pictures of cases show what anyone marked, not what lies far from it."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from common.audit.thumbnails import draw_thumbnail


def drawn(marked: np.ndarray, label: np.ndarray, prediction: np.ndarray) -> Image.Image:
    content = draw_thumbnail(marked, label, prediction).partition(",")[2]
    return Image.open(io.BytesIO(base64.b64decode(content)))


@pytest.mark.parametrize(
    ("label_rows", "prediction_rows", "expected"),
    [
        ((40, 60), (40, 60), (176, 88)),  # 40 columns and 16 beside them on either side; 20 rows, and 8
        ((40, 60), (10, 30), (158, 176)),  # 50 rows and 20 below, but only 10 above: 80, and 72 columns
        ((0, 0), (0, 0), (44, 176)),  # nobody marked anything: all of it
    ],
)
def test_what_is_marked_is_cut_out(
    label_rows: tuple[int, int], prediction_rows: tuple[int, int], expected: tuple[int, int]
) -> None:
    label, prediction = np.zeros((2, 400, 100), int)
    label[slice(*label_rows), 40:80] = 1
    prediction[slice(*prediction_rows), 40:80] = 1
    assert drawn(np.random.default_rng(0).random((400, 100)), label, prediction).size == expected
