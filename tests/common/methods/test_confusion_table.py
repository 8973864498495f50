"""The mean of the matrices that a network has learned of each annotator."""

import csv

import pytest
import torch
from ignite.engine import Engine

from common.errors import InputError
from common.methods import ConfusionTable


def run(table, batches):
    engine = Engine(lambda engine, batch: batch)
    table.attach(engine)
    engine.run(batches)


def test_mean_over_the_pixels_of_each_class(tmp_path):
    """Oracle: loops over images and pixels."""
    generator = torch.Generator().manual_seed(0)
    items = [
        {
            "pred_confusion": torch.rand(2, 3, 3, *size, generator=generator).softmax(1),
            "pred": torch.randint(2, (1, *size), generator=generator),  # class 2 is never found
        }
        for size in ((4, 5), (3, 2), (6, 1))
    ]
    run(ConfusionTable(tmp_path, ["AR", "HS"]), [items[:2], items[2:]])
    with (tmp_path / "confusion.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 3 * 3
    for row in rows:
        r, i, j = ["AR", "HS"].index(row["annotator"]), int(row["written"]), int(row["true"])
        values = [
            float(item["pred_confusion"][r, i, j, x, y])
            for item in items
            for x, y in (item["pred"][0] == j).nonzero().tolist()
        ]
        if j == 2:
            assert row["probability"] == ""
        else:
            assert float(row["probability"]) == pytest.approx(sum(values) / len(values), abs=1e-5)


def test_classes_have_their_names(tmp_path):
    item = {"pred_confusion": torch.tensor([[0.75, 0.5], [0.25, 0.5]]).view(1, 2, 2, 1), "pred": torch.tensor([[1]])}
    run(ConfusionTable(tmp_path, ["AR"], class_names=["background", "cyst"]), [[item]])
    with (tmp_path / "confusion.csv").open(newline="") as file:
        found = {(row["written"], row["true"]): row["probability"] for row in csv.DictReader(file)}
    assert found == {
        ("background", "background"): "",
        ("background", "cyst"): "0.5",
        ("cyst", "background"): "",
        ("cyst", "cyst"): "0.5",
    }
    with pytest.raises(InputError, match="class_names: expected 2 classes, got cyst"):
        run(ConfusionTable(tmp_path, ["AR"], class_names=["cyst"]), [[item]])


def test_mistakes_are_named(tmp_path):
    item = {"pred_confusion": torch.rand(3, 2, 2, 4), "pred": torch.zeros(1, 4)}
    with pytest.raises(InputError, match="annotators: expected 3 names, got AR, HS"):
        run(ConfusionTable(tmp_path, ["AR", "HS"]), [[item]])
    with pytest.raises(InputError, match="at least one image"):
        run(ConfusionTable(tmp_path, ["AR"]), [[]])
    assert not list(tmp_path.iterdir())
