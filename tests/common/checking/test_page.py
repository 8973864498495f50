"""The page about cases: which are shown, the slice that is seen, and the tables."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from monai.data import MetaTensor
from PIL import Image

from common.checking import pictures
from common.checking.collect import CaseFiles
from common.checking.examine import CaseRecord, LabelRecord, examine_case
from common.checking.page import extreme_cases, worst_cases, write_case_page
from common.checking.pictures import CasePanel, draw_cases, draw_sizes, viewed_plane
from common.checking.tables import (
    agreement_table,
    annotator_table,
    finding_list,
    finding_table,
    image_table,
    label_table,
)
from common.datasets.plan import example_plan
from common.errors import InputError
from common.io.checks import Finding

UNREADABLE, EMPTY = Finding("unreadable", "no picture", True, "a/b.png"), Finding("empty label", "nothing is labeled")


def record(name: str, *findings: Finding, section: str = "training", **values) -> CaseRecord:
    return CaseRecord(CaseFiles(section, name, (f"{name}.png",)), findings=list(findings), **values)


def test_worst_are_unusable_first_and_of_every_kind():
    records = [record(f"empty_{k}", EMPTY) for k in range(9)] + [record("fine"), record("bad", EMPTY, UNREADABLE)]
    records += [record("full", Finding("full label", "every voxel"))]
    assert [r.case.name for r in worst_cases(records, 4)] == ["bad", "empty_0", "full", "empty_1"]
    assert worst_cases([record("fine")]) == []


def test_extremes():
    sizes = [50, 10, 0, 90]
    records = [record(f"{n}", labels={"label": LabelRecord({1: n}, 100)}, shape=(10, 10)) for n in sizes]
    records[0].agreement = {("AR", "HS"): 0.4, ("AR", "SG"): float("nan")}
    assert [(r.case.name, note) for r, note in extreme_cases(records)] == [
        ("10", "smallest label, 10 pixels"),
        ("90", "largest label, 90 pixels"),
        ("50", "least agreement, mean Dice 0.40"),
    ]
    assert extreme_cases([record("none")]) == []


def test_tables():
    half, empty = LabelRecord({1: 8, 2: 0}, 16), LabelRecord({1: 0, 2: 0}, 16)
    records = [
        record("a", annotators={"AR": half, "HS": empty}, agreement={("AR", "HS"): 0.0}, shape=(4, 4), digest="x"),
        record("b", annotators={"AR": half}, shape=(4, 4), lowest=1.0, highest=7.0),
        record("c", section="test", labels={"label": half}, shape=(2, 2, 4), voxel=(1.0, 1.0, 3.0), unit=3.0),
    ]
    assert annotator_table(records, ["SG"])[1:] == [
        ["SG", "0 of 2", "0 of 1", 0],
        ["AR", "2 of 2", "0 of 1", 0],
        ["HS", "1 of 2", "0 of 1", 1],
    ]
    assert annotator_table([record("d")], ["SG"]) == []
    assert agreement_table(records)[1:] == [["AR", "–", "0.000 (1)"], ["HS", "0.000 (1)", "–"]]
    rows = {row[0]: row[1:] for row in label_table(records, ["background", "femur", "tibia"])[1:]}
    assert list(rows)[:2] == ["label: femur", "label: tibia"]
    assert rows["label: femur"][:4] == [1, 0, "50.00 %", "24"] and rows["label: tibia"][:2] == [1, 1]
    assert rows["AR: femur"][:4] == [2, 0, "50.00 %", "8"]
    assert image_table(records)[1:] == [
        ["training", 2, "4 × 4", "–", "1", "7"],
        ["test", 1, "2 × 2 × 4", "1 × 1 × 3", "–", "–"],
    ]


def test_findings_are_listed_by_kind_gravest_first():
    records = [record(f"empty*{k}", EMPTY) for k in range(11)] + [record("bad", UNREADABLE)]
    assert finding_table(records)[1:] == [["unreadable", "training fails", 1], ["empty label", "worth a look", 11]]
    text = finding_list(records)
    assert text.index("**bad**") < text.index(r"**empty\*0**") and "- and 3 more in `findings.csv`" in text


def test_the_slice_with_most_foreground_is_seen_across_the_thickest_voxels():
    values = torch.arange(4.0 * 5 * 6).view(1, 4, 5, 6)
    label = torch.zeros(1, 4, 5, 6)
    label[0, 1, :2, :3] = 1  # sagittal slice 1
    affine = torch.diag(torch.tensor([4.0, 1.0, 2.0, 1.0], dtype=torch.float64))
    plane, masks, aspect = viewed_plane(MetaTensor(values, affine=affine), {"label": label, "other": label[..., 1:]})
    assert np.array_equal(plane, values[0, 1].flip(0, 1).T) and list(masks) == ["label"] and aspect == 2.0
    assert np.array_equal(masks["label"], label[0, 1].flip(0, 1).T)
    wanted = torch.zeros(1, 4, 5, 6)
    wanted[0, 3, 0, 0] = 1
    assert np.array_equal(viewed_plane(MetaTensor(values, affine=affine), {}, wanted)[0], values[0, 3].flip(0, 1).T)
    mirrored = MetaTensor(
        values.flip(2), affine=affine @ torch.diag(torch.tensor([1.0, -1, 1, 1], dtype=torch.float64))
    )
    assert np.array_equal(viewed_plane(mirrored, {"label": label.flip(2)})[0], plane)
    colors = torch.rand(3, 4, 5)
    assert np.allclose(viewed_plane(colors, {})[0], colors.mean(0).T)


def test_pictures_need_something_to_draw(tmp_path):
    with pytest.raises(InputError, match="at least one case"):
        draw_cases(tmp_path / "a.png", [])
    with pytest.raises(InputError, match="at least one size"):
        draw_sizes(tmp_path / "a.png", {"label": {"training": []}}, "mm³")


@pytest.mark.parametrize("high", [30.0, 3000.0, 3e7])
def test_sizes_are_drawn_on_any_scale(tmp_path, high):
    drawn = Image.open(draw_sizes(tmp_path / "a.png", {"label": {"training": [10.0, high], "test": []}}, "pixels"))
    assert drawn.width == 840


def test_unreadable_and_not_finite_panels(tmp_path):
    image = np.random.default_rng(0).random((30, 20))
    image[:10] = np.nan
    panels = [
        CasePanel("bad"),
        CasePanel("nan", "why", image, {"label": image > 0.5}),
        CasePanel("all", "", image * np.nan),
    ]
    colors = np.asarray(Image.open(draw_cases(tmp_path / "a.png", panels)).convert("RGB")).reshape(-1, 3)
    assert (colors == (0xD5, 0x5E, 0x00)).all(1).sum() > 1000  # what is not finite
    assert (colors == (0xF0, 0xE4, 0x42)).all(1).any()  # the outline


@pytest.mark.parametrize("shapes", [[(30, 30)], [(45, 30), None], [(8, 30), (8, 30)], [(30, 30)] * 5])
def test_all_lines_below_a_thumbnail_are_within_the_picture(tmp_path, shapes):
    note = "not finite: 120 of 3,000 values; empty label: nothing is labeled; " * 3
    panels = [CasePanel("a", note, None if shape is None else np.zeros(shape)) for shape in shapes]
    pixels = np.asarray(Image.open(draw_cases(tmp_path / "a.png", panels)).convert("L"))
    assert (pixels[-4:] == 255).all() and (pixels[-60:] < 128).any()


def test_a_line_below_a_thumbnail_is_no_wider_than_it(tmp_path):
    panel = CasePanel(
        "a", "position: its affine puts it up to 30 mm from the image (1 × 1 × 3 mm voxels)", np.ones((9, 9))
    )
    pixels = np.asarray(Image.open(draw_cases(tmp_path / "a.png", [panel])).convert("L"))
    dark = np.flatnonzero((pixels < 255).any(0))
    assert dark[0] >= 6 and dark[-1] < 210  # 0.05 inches of 120 dots, and a quarter of the width


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_titles_fit(count, tmp_path, monkeypatch):
    names = ["LIDC-IDRI-train0/z-100.5_c0", "BraTS-GLI-00012-000_extra_", "W" * 60, "$x_$" * 20][:count]
    figures = []
    monkeypatch.setattr(pictures, "save_figure", lambda figure, path, **_: figures.append(figure))
    draw_cases(tmp_path / "a.png", [CasePanel(f"{name}\ntraining", "", np.eye(9)) for name in names])
    canvas = FigureCanvasAgg(figures[0])
    canvas.draw()
    titles = [place.title for place in figures[0].axes[:count]]
    assert [title.get_text() for title in titles[:2]] == [f"{name}\ntraining" for name in names[:2]]
    shown = [title.get_text().split("\n")[0] for title in titles[2:]]
    assert all("…" in text and len(text) > 9 for text in shown)
    boxes = [title.get_window_extent(canvas.get_renderer()) for title in titles]
    edges = [0.0, *(edge for box in boxes for edge in (box.x0, box.x1)), figures[0].bbox.x1]
    assert edges == sorted(edges)


def test_page(tmp_path):
    meaning = {"": {"values": {"0": 0, "1": 1}}}
    plan = replace(example_plan(), class_names=("none", "<liver>"), labels=meaning)
    values = np.random.default_rng(0).integers(0, 200, (12, 10, 4)).astype(np.int16)
    records = []
    for name, label in (("a", values > 150), ("b", values > 100), ("empty", values > 900)):
        paths = {key: str(tmp_path / f"{name}_{key}.nii") for key in ("image", "label")}
        nib.save(nib.Nifti1Image(values, np.eye(4)), paths["image"])
        nib.save(nib.Nifti1Image(label.astype(np.uint8), np.eye(4)), paths["label"])
        files = CaseFiles("training", name, (paths["image"],), {"label": paths["label"]})
        records.append(examine_case(files, plan))
    page = write_case_page(tmp_path / "page.html", "Data", records, plan)
    text = Path(page).read_text(encoding="utf-8")
    assert "3 cases (3 training)" in text and "Training can start." in text and "&lt;liver&gt;" in text
    pictures = re.findall(r"data:image/png;base64,([^\"]+)", text)
    assert len(pictures) == 3 and all(Image.open(io.BytesIO(base64.b64decode(p))).width == 840 for p in pictures)
    assert [path.name for path in tmp_path.glob("*.png")] == []
