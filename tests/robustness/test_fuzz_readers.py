"""Files of any content: what reads them gives a finite image of the right form, or one sentence."""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from common.datasets.inference_inputs import InferenceInputs
from common.errors import InputError, find_input_error
from common.io import LoadCased
from common.io.regions import COLUMNS, read_regions
from common.workflow.calibration import load_temperature
from common.workflow.checkpoint import read_state

FEW = settings(deadline=None, max_examples=40, derandomize=True)
KINDS = ["int8", "uint8", "int16", "uint16", "int32", "int64", "float32", "float64", "complex64"]


@contextmanager
def sentence_at_most() -> Iterator[None]:
    """The block may raise an `InputError` of one line, also wrapped by MONAI, and nothing else."""
    try:
        yield
    except Exception as error:
        found = find_input_error(error)
        assert found is not None, repr(error)
        assert "\n" not in str(found)


def whole_nifti() -> bytes:
    image = nib.Nifti1Image(np.arange(60, dtype=np.int16).reshape(5, 4, 3), np.diag([2.0, 2, 3, 1]))
    return image.to_bytes()


def whole_png() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        Image.fromarray(np.arange(60, dtype=np.uint8).reshape(6, 10)).save(f"{folder}/a.png")
        return Path(folder, "a.png").read_bytes()


CONTENTS = {"a.nii": whole_nifti(), "a.png": whole_png()}


@pytest.mark.parametrize("name", ["a.nii", "a.png"])
@FEW
@given(data=st.data())
def test_damaged_files(name: str, data: st.DataObject) -> None:
    """A few bytes changed, a part missing, or anything at all."""
    content = bytearray(CONTENTS[name])
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(bytes(content))
        with sentence_at_most():
            image = LoadCased("image", channels=1)({"image": str(path), "case": "a"})["image"]
            assert image.dtype == torch.float32 and len(image) == 1 and image.isfinite().all()
        with sentence_at_most():
            assert len(InferenceInputs(path)) == 1


@FEW
@given(
    shape=st.lists(st.integers(1, 4), min_size=1, max_size=6),
    kind=st.sampled_from(KINDS),
    affine=st.lists(st.floats(-1e3, 1e3, width=32), min_size=12, max_size=12),
    value=st.sampled_from([0, 1, 300, -1, np.nan, np.inf]),
)
def test_nifti_of_every_kind(shape: list[int], kind: str, affine: list[float], value: float) -> None:
    with np.errstate(invalid="ignore"):
        array = np.full(shape, value).astype(kind)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.nii")
        image = nib.Nifti1Image(array, None, dtype=kind)
        image.set_sform(np.array([*affine, 0, 0, 0, 1.0]).reshape(4, 4), code=1)
        nib.save(image, path)
        with sentence_at_most():
            loaded = LoadCased("image", channels=1)({"image": str(path)})["image"]
            assert len(loaded) == 1 and loaded.ndim <= 4 and loaded.isfinite().all()
            assert torch.linalg.matrix_rank(loaded.affine) == 4


@FEW
@given(mode=st.sampled_from(["1", "L", "P", "RGB", "RGBA", "CMYK", "I", "F", "LA", "I;16"]),
       width=st.integers(1, 5), height=st.integers(1, 5), channels=st.sampled_from([1, 3]),
       suffix=st.sampled_from([".png", ".jpg", ".tif"]))  # fmt: skip
def test_pictures_of_every_mode(mode: str, width: int, height: int, channels: int, suffix: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"a{suffix}")
        try:
            Image.new(mode, (width, height)).save(path)
        except (OSError, KeyError):  # there are no such files
            return
        with sentence_at_most():
            image = LoadCased("image", channels=channels)({"image": str(path)})["image"]
            assert image.shape == (channels, width, height)


TEXTS = st.one_of(st.text(max_size=40), st.binary(max_size=40).map(lambda raw: raw.decode("latin-1")))


@FEW
@given(rows=st.lists(st.lists(TEXTS, max_size=9), max_size=4), header=st.booleans())
def test_tables_of_regions(rows: list[list[str]], header: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "regions.csv")
        with path.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
            csv.writer(file, escapechar="\\").writerows(([list(COLUMNS)] if header else []) + rows)
        with sentence_at_most():
            assert all(region.case and region.reader for region in read_regions(path))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.sampled_from(["testing", "image", "x"]), values),
    max_leaves=6,
)


@FEW
@given(content=st.one_of(JSON.map(json.dumps), st.text(max_size=30)))
def test_datalists_and_temperatures(content: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "list.json")
        path.write_text(content, encoding="utf-8", errors="replace")
        with sentence_at_most():
            InferenceInputs(path)
        with sentence_at_most():
            assert 0 < load_temperature(path) < np.inf


@FEW
@given(content=st.binary(max_size=200))
def test_checkpoints_of_any_bytes(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.pt")
        path.write_bytes(content)
        with pytest.raises(InputError) as refused:
            read_state(path)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize("source", [None, 3, [None], [{"image": 3}], [[]], {"testing": []}])
def test_inputs_of_no_kind(source: Any) -> None:
    with pytest.raises(InputError):
        InferenceInputs(source)
