"""The figure of the soft labels' pipeline."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from common.datasets import read_dataset
from common.errors import InputError
from common.phantoms import write_knee_phantom
from common.report import (
    SoftLabelExample,
    draw_soft_label_examples,
    draw_soft_label_pipeline,
    soft_label_examples,
)
from common.report.__main__ import predictions, soft_labels


@pytest.fixture(scope="module")
def phantom(tmp_path_factory):
    return write_knee_phantom(tmp_path_factory.mktemp("knee") / "phantom", num_cases=4, size=48, num_slices=3)


def test_examples_are_the_slices_that_were_marked_most(phantom, tmp_path):
    rows = soft_label_examples(read_dataset(phantom).items, count=2, hyperintensity=2.0, neighbour_slices=0.5)
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
    colored = np.ptp(np.asarray(picture.convert("RGB")).astype(int), axis=2) > 60
    assert colored.mean() > 0.01


def test_a_step_that_is_off_has_no_panel(phantom, tmp_path):
    (row,) = soft_label_examples(read_dataset(phantom).items, count=1, hyperintensity=None, neighbour_slices=None)
    assert list(row.steps) == ["raters", "anatomy"]
    assert draw_soft_label_pipeline(tmp_path / "two.png", [row]).is_file()
    assert draw_soft_label_pipeline(tmp_path / "none.png", [SoftLabelExample("a", np.zeros((4, 5)))]).is_file()


def test_without_regions_there_is_no_figure(tmp_path):
    assert draw_soft_label_examples(tmp_path / "none.png", [{"case": "a", "image": "a.png", "label": "b.png"}]) is None
    assert not (tmp_path / "none.png").exists()


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


def test_files_with_other_axes_are_drawn_where_they_lie(phantom, tmp_path):
    image, truth = (sorted((Path(phantom) / name).iterdir())[0] for name in ("images", "truth"))
    label = nib.load(truth)
    maps = nib.Nifti1Image(np.eye(3, dtype=np.float32)[np.asarray(label.dataobj)], label.affine)
    drawn = []
    for letters in (None, "SAR"):
        files = {}
        for name, volume in {"truth": label, "maps": maps}.items():
            if letters:
                turn = nib.orientations.ornt_transform(
                    nib.orientations.io_orientation(volume.affine), nib.orientations.axcodes2ornt(letters)
                )
                volume = volume.as_reoriented(turn)
            files[name] = tmp_path / f"{letters}_{name}.nii.gz"
            nib.save(volume, files[name])
        output = predictions(str(image), str(files["truth"]), f"Truth:{files['maps']}", output=str(tmp_path / "a.png"))
        drawn.append(np.asarray(Image.open(output)))
    assert np.array_equal(*drawn)


def test_predictions_by_command(phantom, tmp_path):
    """The truth itself has Dice 1, nothing has Dice 0, and each panel shows its own map."""
    image, truth = (sorted((Path(phantom) / name).iterdir())[0] for name in ("images", "truth"))
    label = nib.load(truth)
    maps = np.eye(3, dtype=np.float32)[np.asarray(label.dataobj)]
    for name, values in (("truth", maps), ("nothing", np.eye(3, dtype=np.float32)[np.zeros(label.shape, int)])):
        nib.save(nib.Nifti1Image(values, label.affine), tmp_path / f"{name}.nii.gz")
    files = [f"Truth:{tmp_path}/truth.nii.gz", f"Nothing:{tmp_path}/nothing.nii.gz"]
    output = predictions(str(image), str(truth), *files, output=str(tmp_path / "predictions.png"))
    picture = np.asarray(Image.open(output).convert("RGB")).astype(int)
    warm = picture[..., 0] - picture[..., 2] > 60
    panels = np.array_split(warm[:, : round(0.9 * warm.shape[1])], 3, axis=1)
    assert panels[1].sum() > 20 * max(panels[0].sum(), panels[2].sum(), 1)
    assert (picture[:3] == 255).all(), "titles are whole"
    foreground = nib.Nifti1Image(1 - maps[..., 0], label.affine)  # a file of two classes has one channel
    nib.save(foreground, tmp_path / "truth.nii.gz")
    again = predictions(str(image), str(truth), *files, output=str(tmp_path / "again.png"))
    assert np.array_equal(np.asarray(Image.open(again).convert("RGB")), picture)
    with pytest.raises(InputError, match="two maps are called 'Truth'"):
        predictions(str(image), str(truth), files[0], files[0])
    with pytest.raises(InputError, match="at least one map"):
        predictions(str(image), str(truth))
    nib.save(nib.Nifti1Image(maps[:-1], label.affine), tmp_path / "short.nii.gz")
    with pytest.raises(InputError, match=r"short\.nii\.gz must have the shape of .*, \(48, 48, 3\), got \(47, 48, 3\)"):
        predictions(str(image), str(truth), f"{tmp_path}/short.nii.gz")
    with pytest.raises(InputError, match=r"missing\.nii\.gz cannot be read as NIfTI"):
        predictions(str(image), str(truth), f"{tmp_path}/missing.nii.gz")


def test_the_pipeline_by_command(phantom, tmp_path):
    output = soft_labels(
        str(phantom), count=1, hyperintensity=0, neighbour_slices=0, output=str(tmp_path / "steps.png")
    )
    assert Image.open(output).width == 840
