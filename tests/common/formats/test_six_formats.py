"""What three annotators drew gives the same labels, bit by bit, from the files of six tools."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("highdicom")

from common.convert import convert
from common.datasets import read_dataset
from common.io import LoadCased
from tests.common.formats import made_dicom
from tests.common.formats.made_exports import CLASSES, DICOM, WEB, WHO, class_maps, draw, write_images

CASES = ["p1", "p2"]


def test_six_formats_give_the_same_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(made_dicom, "SLICES", 2)
    write_images(tmp_path, CASES)
    drawn = {who: draw(index, CASES) for index, who in enumerate(WHO)}
    load = LoadCased(["image", "annotators"], {"values": {0: 0, 1: 1, 2: 2}, "ignore": 255}, 1, WHO)
    expected = torch.from_numpy(np.stack([[class_maps(found)[case] for case in CASES] for found in drawn.values()], 1))
    for name, write in (WEB | DICOM).items():
        for who, found in drawn.items():
            (tmp_path / name / who).mkdir(parents=True)
            write(tmp_path / name / who, found)
        exports = {who: str(tmp_path / name / who) for who in WHO}
        source = tmp_path / ("pictures" if name in WEB else "scans")
        convert(str(source), str(tmp_path / f"out_{name}"), exports, classes=CLASSES)
        items = {item["case"]: load(item)["annotators"] for item in read_dataset(tmp_path / f"out_{name}").items}
        if name in WEB:
            stacks = [[items[f"{case}_{k}"] for k in range(made_dicom.SLICES)] for case in CASES]
            labels = torch.stack([torch.stack(stack, -1) for stack in stacks])
        else:
            labels = torch.stack([items[case] for case in CASES])
        assert torch.equal(labels.as_subclass(torch.Tensor), expected.float()), name
    assert 0 < int((expected == 2).sum()) < expected.numel() / 2
