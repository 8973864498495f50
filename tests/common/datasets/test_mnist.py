"""Digits with annotators: the paper's published sample, and MNIST's own files unpacked into its layout."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from common.datasets import make_plan, read_dataset, reading, split_dataset, take_fingerprint, write_mnist_annotators
from common.errors import InputError
from common.io import LoadCased, observe_label, read_label
from common.io.label_inference import infer_label_meaning

NAMES = ("good", "over", "under", "wrong")


def idx_file(path: Path, count: int, seed: int, size: int = 20) -> np.ndarray:
    """Blurred discs as an idx file, as MNIST's are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    x, y = np.meshgrid(*[np.arange(size)] * 2, indexing="ij")
    centers = random.uniform(8, 12, (count, 2))
    distance = np.array([np.hypot(x - a, y - b) for a, b in centers])
    digits = np.clip(255 * (5.5 - distance), 0, 255).astype(np.uint8)
    content = struct.pack(">IIII", 0x803, *digits.shape) + digits.tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return digits


@pytest.fixture
def source(tmp_path: Path) -> Path:
    idx_file(tmp_path / "idx" / "train-images-idx3-ubyte.gz", 9, seed=0)
    idx_file(tmp_path / "idx" / "t10k-images-idx3-ubyte", 4, seed=1)
    return tmp_path / "idx"


def float_tiff(path: Path, values: np.ndarray, order: str = "<") -> None:
    """An uncompressed TIFF of 32-bit floating-point colors (H, W, C), in two strips."""
    height, width, channels = values.shape
    half = height // 2
    strips = [values[:half].astype(f"{order}f4").tobytes(), values[half:].astype(f"{order}f4").tobytes()]
    tags = {
        256: [width], 257: [height], 258: [32] * channels, 259: [1], 262: [2],
        273: None, 277: [channels], 278: [half], 279: [len(strip) for strip in strips], 339: [3] * channels,
    }  # fmt: skip
    start = 8 + 2 + 12 * len(tags) + 4
    extra, entries = b"", b""
    for tag, numbers in tags.items():
        if numbers is None:
            first = start + 4 * (channels * 2 + 2 + 2)
            numbers = [first, first + len(strips[0])]
        packed = struct.pack(f"{order}{len(numbers)}I", *numbers)
        if len(packed) > 4:
            entries += struct.pack(f"{order}HHII", tag, 4, len(numbers), start + len(extra))
            extra += packed
        else:
            entries += struct.pack(f"{order}HHI", tag, 4, len(numbers)) + packed
    extra = extra.ljust(4 * (channels * 2 + 4), b"\0")
    header = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    directory = struct.pack(f"{order}H", len(tags)) + entries + struct.pack(f"{order}I", 0)
    path.write_bytes(header + directory + extra + b"".join(strips))


@pytest.mark.parametrize("order", ["<", ">"])
def test_floating_point_colors_are_read_as_one_channel(tmp_path: Path, order: str):
    gray = np.random.default_rng(0).random((6, 4)).astype(np.float32)
    float_tiff(tmp_path / "a.tif", np.repeat(gray[..., None], 3, axis=2), order)
    loaded = LoadCased("image", channels=1)({"image": str(tmp_path / "a.tif")})["image"]
    assert torch.equal(loaded[0].as_tensor(), torch.from_numpy(gray.T))
    colors = np.random.default_rng(1).random((6, 4, 3)).astype(np.float32)
    float_tiff(tmp_path / "b.tif", colors, order)
    loaded = LoadCased("image", channels=1)({"image": str(tmp_path / "b.tif")})["image"]
    np.testing.assert_allclose(loaded[0].numpy().T, colors.mean(2), rtol=1e-6)
    loaded = LoadCased("image", channels=3)({"image": str(tmp_path / "b.tif")})["image"]
    np.testing.assert_array_equal(loaded.numpy(), colors.transpose(2, 1, 0))


def test_a_damaged_tiff_is_named(tmp_path: Path):
    for content in (b"", b"no image", b"II*\0\x08\0\0\0"):
        (tmp_path / "damaged.tif").write_bytes(content)
        with pytest.raises(InputError, match=r"damaged\.tif cannot be read as TIFF"):
            LoadCased("image", channels=1)({"image": str(tmp_path / "damaged.tif")})
    float_tiff(tmp_path / "short.tiff", np.zeros((6, 4, 3)))
    (tmp_path / "short.tiff").write_bytes((tmp_path / "short.tiff").read_bytes()[:-40])
    with pytest.raises(InputError, match=r"short\.tiff cannot be read"):
        LoadCased("image", channels=1)({"image": str(tmp_path / "short.tiff")})


def test_idx_files_become_the_layout_of_the_sample(source: Path, tmp_path: Path):
    root = write_mnist_annotators(tmp_path / "unpacked", source, 6, 3, 4)
    digits = idx_file(tmp_path / "again" / "train-images-idx3-ubyte", 9, seed=0)
    dataset = read_dataset(root)
    assert dataset.layout == "mnist" and dataset.annotators == (*NAMES, "blank")
    split = split_dataset(dataset)
    assert [len(items) for items in (split.training, split.validation, split.test)] == [6, 3, 4]
    assert [item["case"] for item in split.validation] == ["train_00006", "train_00007", "train_00008"]
    plan = make_plan(dataset, take_fingerprint(split.training), label_threshold=127)
    (load,) = reading(plan)
    for index, item in enumerate(split.training):
        loaded = load(item)
        truth = torch.from_numpy((digits[index] > 127).T.copy()).float()
        assert torch.equal(loaded["label"][0].as_tensor(), truth)
        good, over, under, wrong, blank = loaded["annotators"].as_tensor()
        assert torch.equal(good, truth) and not blank.any() and (wrong != over).any()
        assert under.sum() < truth.sum() < over.sum()
        image = loaded["image"][0] / 255
        assert image[truth > 0].mean() > 0.8 and 0.05 < image[truth == 0].mean() < 0.25
    assert write_mnist_annotators(tmp_path / "unpacked", source, 6, 3, 4) == root
    with pytest.raises(InputError, match="name another folder"):
        write_mnist_annotators(tmp_path / "unpacked", source, 5, 3, 4)


def test_mistakes_are_named(source: Path, tmp_path: Path):
    with pytest.raises(InputError, match=r"t10k-images-idx3-ubyte is packed: unpack it once"):
        read_dataset(source, "mnist")
    with pytest.raises(InputError, match=r"train holds 9 digits, too few for validate 4"):
        write_mnist_annotators(tmp_path / "unpacked", source, 6, 4, 4)
    with pytest.raises(InputError, match="at least 0"):
        write_mnist_annotators(tmp_path / "unpacked", source, -1, 4, 4)
    for content, message in ((b"short", "cannot be unpacked"), (gzip.compress(b"short"), "header does not fit")):
        (source / "train-images-idx3-ubyte.gz").write_bytes(content)
        with pytest.raises(InputError, match=rf"train-images-idx3-ubyte\.gz .*{message}"):
            write_mnist_annotators(tmp_path / "unpacked", source, 1, 1, 1)
    (source / "train-images-idx3-ubyte.gz").unlink()
    with pytest.raises(InputError, match="must hold train-images-idx3-ubyte or"):
        write_mnist_annotators(tmp_path / "unpacked", source, 1, 1, 1)
    assert not (tmp_path / "unpacked").exists()


def test_gray_labels_have_a_threshold(tmp_path: Path):
    Image.fromarray(np.array([[0, 100, 130, 254]], np.uint8)).save(tmp_path / "a.tif")
    meaning, _ = infer_label_meaning([observe_label(tmp_path / "a.tif")], label_threshold=127.5)
    assert read_label(tmp_path / "a.tif", meaning).flatten().tolist() == [0, 0, 1, 1]


def test_the_papers_published_sample(real_data: Path):
    dataset = read_dataset(real_data / "mnist_annotators")
    split = split_dataset(dataset)
    (load,) = reading(make_plan(dataset, take_fingerprint(split.training), label_threshold=127.5))
    dice: dict[str, list[float]] = {name: [] for name in NAMES}
    for section, count in (("training", 70), ("validation", 10), ("test", 20)):
        items = getattr(split, section)
        assert len(items) == count
        for item in items:
            loaded = load(item)
            assert loaded["image"].shape == (1, 28, 28)
            truth = loaded["label"][0]
            for name, label in zip(NAMES, loaded["annotators"], strict=True):
                dice[name].append(float(2 * (label * truth).sum() / (label.sum() + truth.sum())))
    means = {name: np.mean(values) for name, values in dice.items()}
    assert means["good"] == 1 and all(0.3 < means[name] < 0.9 for name in NAMES[1:])
