"""`checking` in every bundle: a clean phantom passes, and each planted fault is found by name before training."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from pydoc import locate
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from bundle_runs import run_bundle
from conftest import TINY
from monai.bundle import ConfigParser
from monai.transforms import Compose
from PIL import Image

from common.checking import check as checking
from common.checking.check import try_preprocessing
from common.checking.examine import CaseRecord
from common.datasets import read_dataset
from common.errors import find_input_error
from common.io.checks import Finding
from common.io.files import read_csv

MORE_CASES: dict[str, dict[str, Any]] = {  # than a tiny training has, so that each fault has a case of its own
    "write_cardiac_phantom": {"dataset_dir#num_subjects": 5, "counts": {"training": 3, "validation": 1, "test": 1}},
    "write_chest_phantom": {"class_values": {"background": 0, "lung": 255}},  # else any other value is a class
    "write_ct_phantom": {"dataset_dir#num_cases": 9},
    "write_knee_phantom": {"dataset_dir#num_cases": 8, "dataset_dir#size": 64},
    "write_lesion_phantom": {"class_values": {"background": 0, "lesion": 1}},
}


def phantom_of(bundle: Path) -> Callable[..., str]:
    """The function that writes it."""
    phantom = locate(ConfigParser.load_config_file(bundle / "configs/train.yaml")["dataset_dir"]["_target_"])
    assert callable(phantom)
    return phantom


def sizes_of(bundle: Path) -> dict[str, Any]:
    return TINY[bundle.name]["train"] | MORE_CASES.get(phantom_of(bundle).__name__, {})


@pytest.fixture(scope="module")
def clean(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the bundle's phantom, checked: ``phantom/`` and ``checking/``."""
    folder = tmp_path_factory.mktemp(bundle.name)
    sizes = {key.partition("#")[2]: value for key, value in sizes_of(bundle).items() if "#" in key}
    phantom_of(bundle)(folder / "phantom", **sizes)
    check(bundle, folder)
    return folder


def check(bundle: Path, folder: Path) -> None:
    sizes = {key: value for key, value in sizes_of(bundle).items() if not key.startswith("dataset_dir")}
    places = {"dataset_dir": str(folder / "phantom"), "output_dir": str(folder), "bundle_root": str(folder)}
    run_bundle(bundle.name, "checking", ["train"], **{**sizes, **places})


@pytest.mark.acceptance("checking")
def test_a_clean_phantom_passes(clean: Path, bundle: Path) -> None:
    cases = read_csv(clean / "checking/cases.csv")
    assert cases and {row["usable"] for row in cases} == {"yes"} and not any(row["findings"] for row in cases)
    assert {row["section"] for row in cases} >= {"training", "validation"}
    assert read_csv(clean / "checking/findings.csv") == []
    page = (clean / "checking/checking.html").read_text(encoding="utf-8")
    assert "Training can start." in page and page.count("data:image/png;base64,") == 2  # sizes and extremes
    several = any("annotators" in item or "regions" in item for item in read_dataset(clean / "phantom").items)
    assert ("Agreement" in page) == several


def truncate(path: str) -> None:
    content = Path(path).read_bytes()
    Path(path).write_bytes(content[: len(content) * 2 // 3])


def rewrite(path: str, change: Callable[[np.ndarray], Any], shift_mm: float = 0.0) -> None:
    """Changes a file's values in place, or moves its affine."""
    if path.endswith(".png"):
        Image.fromarray(np.asarray(change(np.array(Image.open(path)))).astype(np.uint8)).save(path)
        return
    volume = nib.load(path)
    affine = volume.affine.copy()
    affine[0, 3] += shift_mm
    nib.save(nib.Nifti1Image(np.asarray(change(np.asarray(volume.dataobj).astype(np.float32))), affine), path)


def same(values: np.ndarray) -> np.ndarray:
    return values


def some_nan(values: np.ndarray) -> np.ndarray:
    values.flat[:3] = np.nan
    return values


def some_seven(values: np.ndarray) -> np.ndarray:
    values.flat[:2] = 7
    return values


def labels_of(phantom: Path) -> dict[str, str]:
    """For each image an annotator's label, or what the annotators' regions lie in, or else the only label."""
    items = read_dataset(phantom).items
    return {
        item["image"]: [*item.get("annotators", {}).values(), item.get("bones") or item["label"]][0] for item in items
    }


def plant(phantom: Path, cases: dict[str, list[str]]) -> dict[str, tuple[str, str]]:
    """Plants the faults that the phantom's files can have, each in an image of its own, and says what must be found.

    Args:
        phantom: its folder.
        cases: images by section.

    Returns:
        File of the image → kind of the finding and whether the case can be used.
    """
    training, labels = iter(cases["training"]), labels_of(phantom)
    last = "test" if "test" in cases else "validation"
    original, leaked = next(training), cases[last][0]
    shutil.copyfile(original, leaked)
    planted = {original: ("in two sections", "yes"), leaked: ("in two sections", "yes")}

    def take(kind: str, usable: str, plant_in: Callable[[str, str], None]) -> None:
        image = next(training, None)
        if image is not None:
            plant_in(image, labels[image])
            planted[image] = (kind, usable)

    take("unreadable", "no", lambda image, label: truncate(image))
    if original.endswith(".png"):  # whose 8 bits know no nan
        take("label values", "no", lambda image, label: rewrite(label, some_seven))
        take("empty label", "yes", lambda image, label: rewrite(label, np.zeros_like))
        take("constant image", "yes", lambda image, label: rewrite(image, np.ones_like))
        return planted
    take("position", "no", lambda image, label: rewrite(label, same, shift_mm=20.0))
    take("label values", "no", lambda image, label: rewrite(label, some_seven))
    take("not finite", "no", lambda image, label: rewrite(image, some_nan))
    return planted


@pytest.mark.acceptance("checking")
def test_planted_faults_are_named(clean: Path, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By name, and exactly those cases cannot be used that training's own preprocessing refuses."""
    shutil.copytree(clean / "phantom", tmp_path / "phantom")
    images: dict[str, list[str]] = {}
    for row in read_csv(clean / "checking/cases.csv"):
        images.setdefault(row["section"], []).append(row["image"].replace(str(clean), str(tmp_path)))
    planted = plant(tmp_path / "phantom", images)
    assert len(planted) == 6

    refused = set()

    def try_all(records: Sequence[CaseRecord], preprocessing: Mapping[str, Compose]) -> None:
        for record in records:
            tried = CaseRecord(record.case, findings=[Finding("suspicious", "")])
            try_preprocessing([tried], preprocessing)
            refused.update(record.case.images if tried.unusable else ())
        try_preprocessing(records, preprocessing)

    monkeypatch.setattr(checking, "try_preprocessing", try_all)
    with pytest.raises(Exception) as raised:
        check(bundle, tmp_path)
    found = read_csv(tmp_path / "checking/cases.csv")
    by_image = {row["image"]: (row["findings"], row["usable"]) for row in found if row["findings"]}
    assert by_image == planted
    assert refused == {image for image, (_, usable) in planted.items() if usable == "no"}
    message = str(find_input_error(raised.value))
    assert message.startswith(
        f"{len(refused)} of {len(found)} cases cannot be used, see {tmp_path}/checking/checking.html"
    )
    page = (tmp_path / "checking/checking.html").read_text(encoding="utf-8")
    assert "training would fail" in page and page.count("data:image/png;base64,") >= 2
