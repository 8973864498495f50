"""Figures of the consistency of two views: what they are drawn from, what their commands write and refuse."""

from __future__ import annotations

import math
from pathlib import Path

import fire
import nibabel as nib
import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.report.__main__ import COMMANDS
from benchmarks.report.consistency import draw_loss_landscape, loss_landscape
from common.errors import InputError
from common.report.drawing import COLORS


def has_color(path: Path, color: str) -> bool:
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    return bool((np.abs(pixels - np.array(list(bytes.fromhex(color[1:])))).sum(axis=2) < 10).any())


def command(*arguments: object) -> None:
    fire.Fire(COMMANDS, command=[str(argument) for argument in arguments])


def test_the_losses_of_a_pixel() -> None:
    z = torch.tensor([[-3.0, 0.0, 2.5], [4.0, 4.0, 30.0]])
    other = torch.tensor([[1.0, 0.0, 2.0], [-4.0, 4.0, -30.0]])
    supervised, consistency = loss_landscape(z, other)
    expected = [[math.log1p(math.exp(-one)) for one in row] for row in z.tolist()]
    torch.testing.assert_close(supervised, torch.tensor(expected))
    torch.testing.assert_close(consistency, (z - other) ** 2)


def test_loss_landscape_is_drawn(tmp_path: Path) -> None:
    command("loss_landscape", "--weights", "0.1,1", "--output", tmp_path / "two.png")
    draw_loss_landscape(tmp_path / "one.png", [1.0])
    wide, one = (np.asarray(Image.open(tmp_path / f"{name}.png")) for name in ("two", "one"))
    assert wide.shape[1] == one.shape[1] and wide.shape[0] < one.shape[0], "three panels are taller than four"
    for weights, limit in (([], 10.0), ([0.0], 10.0), ([1.0], math.inf)):
        with pytest.raises(InputError, match="positive finite numbers"):
            draw_loss_landscape(tmp_path / "no.png", weights, limit)


def test_boundary_weight_of_a_volume_is_that_of_its_fullest_slice(tmp_path: Path) -> None:
    """Another slice, which has the third class, is not drawn."""
    label = np.zeros((20, 30, 3), dtype=np.uint8)
    label[5:15, 8:20, 1], label[8:12, 10:15, 1], label[9, 9, 2] = 1, 2, 3
    nib.save(nib.Nifti1Image(label, np.diag([1.0, 2.0, 5.0, 1.0])), tmp_path / "07.nii.gz")
    command("boundary_weight", tmp_path / "07.nii.gz", "--radius", 4, "--output", tmp_path / "a.png")
    assert has_color(tmp_path / "a.png", COLORS[0]) and has_color(tmp_path / "a.png", COLORS[1])
    assert not has_color(tmp_path / "a.png", COLORS[2])
    command("boundary_weight", tmp_path / "07.nii.gz", "--radius", 8, "--output", tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "b.png").read_bytes()


def test_boundary_weight_of_a_picture_and_mistakes(tmp_path: Path) -> None:
    label = np.zeros((12, 16), dtype=np.uint8)
    Image.fromarray(label).save(tmp_path / "empty.png")
    label[3:6, 3:6] = 1
    Image.fromarray(label).save(tmp_path / "label.png")
    command("boundary_weight", tmp_path / "label.png", "--output", tmp_path / "figure.png")
    assert has_color(tmp_path / "figure.png", COLORS[0])
    with pytest.raises(InputError, match=r"empty\.png: expected a label with a boundary"):
        command("boundary_weight", tmp_path / "empty.png", "--output", tmp_path / "no.png")
    with pytest.raises(InputError, match="radius: expected a positive"):
        command("boundary_weight", tmp_path / "label.png", "--radius", 0, "--output", tmp_path / "no.png")
