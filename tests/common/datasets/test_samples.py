"""Samples: cases, slices and patches, in memory, on disk or anew."""

from __future__ import annotations

import multiprocessing.pool
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, Lambdad, MapTransform, RandFlipd
from PIL import Image

from common.datasets.in_memory import THREADS
from common.datasets.plan import example_plan
from common.datasets.samples import Samples, cached
from common.datasets.stages import to_tensor
from common.errors import InputError
from common.io import LoadCased

PLAN = example_plan()
VOLUMES = replace(PLAN, image_dims=3, orientation="RAS", spacing=(1.0, 1.0, -1.0), image_size=None, patch_size=(4, 4))


@pytest.mark.skipif(not THREADS.is_dir(), reason="processes are forked on Linux alone")
def test_threads_that_filled_the_memory_have_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a process that is forked now may inherit a lock that one of them holds."""
    work = multiprocessing.pool.worker  # type: ignore[attr-defined]

    def slow_to_end(*arguments: Any) -> None:
        work(*arguments)
        time.sleep(0.1)

    monkeypatch.setattr(multiprocessing.pool, "worker", slow_to_end)
    before = set(os.listdir(THREADS))
    cached([{"case": "a"}, {"case": "b"}], Compose([]), num_workers=2)
    assert set(os.listdir(THREADS)) <= before


class Counted(MapTransform):
    """Says how often it ran."""

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__("image")
        self.factor, self.calls = factor, []

    def __call__(self, data: Any) -> Any:
        self.calls.append(1)
        return data | {"image": data["image"] * self.factor}


def picture(folder: Path, value: int) -> dict[str, Any]:
    path = folder / "a.png"
    Image.fromarray(np.full((5, 6), value, np.uint8)).save(path)
    return {"image": str(path), "case": "a"}


def test_volumes_become_slices_and_patches() -> None:
    volume = {"image": torch.rand(1, 9, 8, 3), "label": torch.zeros(1, 9, 8, 3), "case": "a"}
    samples = Samples([volume, volume], Compose([]), VOLUMES)
    assert len(samples) == 6 and samples[0]["image"].shape == (1, 4, 4)
    whole = Samples([volume], Compose([]), VOLUMES, whole=True)
    assert len(whole) == 1 and whole[0]["image"].shape == (1, 9, 8, 3)
    centered = Samples([volume], Compose([]), replace(VOLUMES, crop="center"))
    assert centered[0]["image"].shape == (1, 9, 8)


def test_augmentation_is_drawn_anew() -> None:
    item = {"image": torch.arange(36.0).reshape(1, 6, 6)}
    plan = replace(PLAN, patch_size=(6, 6))
    samples = Samples([item], Compose([]), plan, augmentation=[RandFlipd("image", 0.5, 0)])
    assert len({float(samples[0]["image"][0, 0, 0]) for _ in range(30)}) == 2


def test_memory_is_filled_once_and_none_never() -> None:
    counted = Counted()
    for cache, calls in (("memory", 1), ("none", 3)):
        counted.calls.clear()
        data = cached([{"image": torch.ones(1)}], Compose([counted]), cache)
        assert [float(data[0]["image"]) for _ in range(3)] == [1, 1, 1] and len(counted.calls) == calls


def test_disk_serves_other_runs_and_nothing_stale(tmp_path: Path) -> None:
    item, places = picture(tmp_path, 7), {"cache": "disk", "cache_dir": tmp_path / "cache"}

    def read(item: dict[str, Any], factor: float = 1.0, key: str = "") -> tuple[float, int]:
        counted = Counted(factor)
        chain = Compose([LoadCased("image"), counted])
        return float(cached([item], chain, key=key, **places)[0]["image"].max()), len(counted.calls)

    assert read(item) == (7, 1) and read(item) == (7, 0)
    assert read(item, factor=2.0) == (14, 1), "another transform"
    assert read(item, key="another plan") == (7, 1)
    item = picture(tmp_path, 9)
    os.utime(item["image"], ns=(1, 1))
    assert read(item) == (9, 1), "another file of the same name"


def test_what_a_function_holds_is_part_of_what_is_kept(tmp_path: Path) -> None:
    """Functions of a user's own configuration with the same instructions and other numbers."""

    def value(function: Callable[[torch.Tensor], torch.Tensor]) -> float:
        chain = Compose([Lambdad("image", function)])
        return float(cached([{"image": torch.ones(1)}], chain, "disk", tmp_path / "cache")[0]["image"])

    def times(factor: float) -> Callable[[torch.Tensor], torch.Tensor]:
        return lambda image: image * factor

    assert value(lambda image: image * 2) == 2 and value(lambda image: image * 3) == 3
    assert value(times(4)) == 4 and value(times(5)) == 5


def test_files_of_a_series_or_behind_a_header_and_the_library_are_part_of_what_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "series").mkdir()
    slice_file, header, values = tmp_path / "series/1.dcm", tmp_path / "a.mhd", tmp_path / "a.raw"
    for file in (slice_file, header, values):
        file.write_bytes(b"first")

    def kept() -> int:
        data = [{"image": torch.ones(1), "from": str(source)} for source in (tmp_path / "series", header)]
        counted = [Counted() for _ in data]
        for index, steps in enumerate(counted):
            cached(data, Compose([steps]), "disk", tmp_path / "cache")[index]
        return sum(not steps.calls for steps in counted)

    assert (kept(), kept()) == (0, 2)
    for file in (slice_file, values):
        file.write_bytes(b"another")
        assert (kept(), kept()) == (1, 2), file
    monkeypatch.setattr("common.datasets.samples.__version__", "another")
    assert (kept(), kept()) == (0, 2)


@pytest.mark.parametrize(
    ("options", "sentence"), [({"cache": "ram"}, "cache: expected one of"), ({"cache": "disk"}, "cache_dir")]
)
def test_what_cannot_be_is_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        cached([], Compose([]), **options)


def test_a_damaged_file_is_made_again(tmp_path: Path) -> None:
    """As a run leaves it that was killed while MONAI's `PersistentDataset` moved it to another file system."""
    data = cached([{"image": torch.ones(1)}], Compose([Counted()]), "disk", tmp_path)
    data[0]
    (file,) = tmp_path.glob("*.pt")
    whole = file.read_bytes()
    cut = [whole[: len(whole) * part // 12] for part in range(1, 12)]  # as a power failure or a full disk leaves it
    for damaged in (*cut, b"", b"something else"):
        file.write_bytes(damaged)
        with pytest.warns(UserWarning, match=f"{file.name} is damaged"):
            assert float(data[0]["image"]) == 1
        assert file.read_bytes() == whole


def test_a_file_that_must_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As another user's is, whose files are not for the group."""

    def denied(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    data = cached([{"image": torch.ones(1)}], Compose([Counted()]), "disk", tmp_path)
    data[0]
    monkeypatch.setattr(torch, "load", denied)
    with pytest.raises(InputError, match=r"\.pt of the cache cannot be read \(Permission denied\)"):
        data[0]


def test_files_on_disk_are_whole_or_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(_: Any, path: Path) -> None:
        Path(path).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        cached([{"image": torch.ones(1)}], Compose([Counted()]), "disk", tmp_path)[0]
    assert list(tmp_path.iterdir()) == []


def test_slices_on_disk_are_those_of_the_volume(tmp_path: Path) -> None:
    """Kept one after the other; what changes a sample changes no file."""
    volume = {"image": torch.rand(2, 5, 6, 4), "label": torch.rand(1, 5, 6, 4).round(), "case": "a"}
    for _ in range(2):
        samples = Samples([volume], Compose([]), replace(VOLUMES, crop="center"), cache="disk", cache_dir=tmp_path)
        for index in range(4):
            assert torch.equal(samples[index]["image"], volume["image"][..., index])
            samples[index]["image"].zero_()
        kept = samples.cases[0]["image"]
        assert kept[..., 0].is_contiguous() and not kept.is_contiguous()
        kept.zero_()
    assert torch.equal(samples.cases[0]["label"], volume["label"])


@pytest.mark.parametrize("cache", ["memory", "disk", "none"])
def test_labels_keep_their_affine(tmp_path: Path, cache: str) -> None:
    """Evaluation measures distances in mm, from wherever the case comes."""
    affine = torch.diag(torch.tensor([2.0, 3.0, 4.0, 1.0], dtype=torch.float64))
    volume = {"case": "a", "image": MetaTensor(torch.rand(1, 4, 4, 3), affine=affine), "label": torch.ones(1, 4, 4, 3)}
    steps = Compose(to_tensor(["image", "label"], with_affine=["label"]))
    for _ in range(2):  # made, and read again
        case = Samples([volume], steps, VOLUMES, cache=cache, cache_dir=tmp_path, whole=True)[0]
        torch.testing.assert_close(case["label"].affine, affine)
        assert isinstance(case["label"], MetaTensor) and not isinstance(case["image"], MetaTensor)
        assert torch.equal(case["image"], volume["image"].as_tensor()) and bool((case["label"] == 1).all())
