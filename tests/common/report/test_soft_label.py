"""The figure of the soft labels' pipeline."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from common.data import write_knee_phantom
from common.errors import InputError
from common.report import SoftLabelExample, draw_soft_label_pipeline, soft_label_examples


@pytest.fixture(scope="module")
def phantom(tmp_path_factory):
    return write_knee_phantom(tmp_path_factory.mktemp("knee") / "phantom", num_cases=4, size=48, num_slices=3)


def test_examples_are_the_slices_that_were_marked_most(phantom, tmp_path):
    rows = soft_label_examples(phantom, count=2, hyperintensity=2.0, neighbour_slices=0.5)
    assert len(rows) == 2
    for row in rows:
        assert list(row.steps) == ["raters", "anatomy", "hyperintensity", "neighbours"]
        assert row.truth is not None
        assert row.image.shape == row.truth.shape == (48, 48)
        assert (row.steps["anatomy"] <= row.steps["raters"]).all()
        assert (row.steps["neighbours"] >= row.steps["hyperintensity"]).all()
    assert rows[0].steps["raters"].any()
    picture = Image.open(draw_soft_label_pipeline(tmp_path / "pipeline.png", rows))
    assert picture.width == 840
    coloured = np.ptp(np.asarray(picture.convert("RGB")).astype(int), axis=2) > 60
    assert coloured.mean() > 0.01


def test_a_step_that_is_off_has_no_panel(phantom, tmp_path):
    (row,) = soft_label_examples(phantom, count=1, hyperintensity=None, neighbour_slices=None)
    assert list(row.steps) == ["raters", "anatomy"]
    assert draw_soft_label_pipeline(tmp_path / "two.png", [row]).is_file()
    assert draw_soft_label_pipeline(tmp_path / "none.png", [SoftLabelExample("a", np.zeros((4, 5)))]).is_file()


def test_mistakes(tmp_path):
    image, label = np.zeros((4, 5)), {"raters": np.zeros((4, 4))}
    with pytest.raises(InputError, match=r"raters of a must have the size of its image, \(4, 5\), got \(4, 4\)"):
        draw_soft_label_pipeline(tmp_path / "a.png", [SoftLabelExample("a", image, label)])
    with pytest.raises(InputError, match="truth of a"):
        draw_soft_label_pipeline(tmp_path / "a.png", [SoftLabelExample("a", image, truth=np.zeros((1, 1)))])
    rows = [SoftLabelExample("a", image), SoftLabelExample("b", image, {"raters": image})]
    for wrong in ([], rows):
        with pytest.raises(InputError, match="at least one example"):
            draw_soft_label_pipeline(tmp_path / "a.png", wrong)
