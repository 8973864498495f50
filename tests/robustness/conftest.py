"""What hostile tests share: the sentence that a mistake is answered with, tiny data sets, tiny trained bundles."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from bundle_runs import BUNDLES, run_bundle
from conftest import TINY
from monai.bundle import ConfigParser

from common.errors import find_input_error

Refused = Callable[..., AbstractContextManager[None]]


@contextmanager
def _refused(*words: str, unchanged: Path | None = None) -> Iterator[None]:
    """The block raises an `InputError` of one sentence that has these words, and leaves a folder as it was."""
    before = _contents(unchanged)
    with pytest.raises(BaseException) as raised:
        yield
    error = find_input_error(raised.value)
    assert error is not None, f"no InputError but {raised.value!r}"
    sentence = str(error)
    assert "\n" not in sentence and sentence[-1] in ".?", f"not one sentence: {sentence!r}"
    for word in words:
        assert word in sentence, f"{word!r} is not in {sentence!r}"
    assert _contents(unchanged) == before, "something was written"


def _contents(folder: Path | None) -> dict[str, bytes]:
    if folder is None or not folder.is_dir():
        return {}
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


@pytest.fixture(scope="session")
def refused() -> Refused:
    return _refused


@pytest.fixture(scope="session")
def data_sets(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The phantom of a bundle at its tiny size, as `train.yaml` describes it; written once, never changed by a test."""
    folder = tmp_path_factory.mktemp("data")

    def data_set(bundle: str) -> Path:
        path = folder / bundle
        if not path.is_dir():
            text = (BUNDLES / bundle / "configs/train.yaml").read_text(encoding="utf-8")
            writer = yaml.safe_load(text)["dataset_dir"] | {"folder": str(path)}
            sizes = {key: value for key, value in TINY[bundle]["train"].items() if key.startswith("dataset_dir#")}
            parser = ConfigParser({"phantom": writer | {key.split("#")[1]: value for key, value in sizes.items()}})
            parser.get_parsed_content("phantom")
        return path

    return data_set


@pytest.fixture
def spoiled(data_sets: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Path]:
    """A copy of a bundle's data set for the test to spoil."""

    def copy(bundle: str) -> Path:
        return Path(shutil.copytree(data_sets(bundle), tmp_path / "data"))

    return copy


@pytest.fixture(scope="session")
def run_tiny() -> Callable[..., None]:
    """Runs a verb of a bundle at its tiny size on a data set, results in a folder of its own."""

    def run(bundle: str, verb: str, configs: list[str], data: Path | str, output: Path, **overrides: Any) -> None:
        kind = "inference" if verb == "inferring" else "train"
        sizes = {key: value for key, value in TINY[bundle][kind].items() if "#" not in key}
        places = {"dataset_dir": str(data), "output_dir": str(output), "ckpt_dir": str(output)}
        run_bundle(bundle, verb, configs, **{**places, **sizes, **overrides})

    return run


@pytest.fixture(scope="session")
def trained(
    data_sets: Callable[[str], Path], run_tiny: Callable[..., None], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """Folder with the model of a bundle, trained once."""
    folder = tmp_path_factory.mktemp("trained")

    def train(bundle: str) -> Path:
        if not (folder / bundle).is_dir():
            run_tiny(bundle, "training", ["train"], data_sets(bundle), folder / bundle)
        return folder / bundle

    return train
