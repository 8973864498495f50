"""The Decathlon's hippocampus, as MONAI's downloader leaves it and as users' folders hold it."""

import hashlib
import json
import tarfile

import nibabel as nib
import numpy as np
import pytest
from monai.apps import DecathlonDataset
from monai.apps import utils as monai_downloader
from monai.apps.utils import HashCheckError

from common.datasets import fetch_hippocampus, hippocampus_datalist, hippocampus_subject_datalist
from common.datasets.hippocampus import TASK
from common.errors import InputError


@pytest.fixture
def dataset(tmp_path):
    """Six cases with the hidden files that the Decathlon's archives hold, and its `dataset.json`."""
    root = tmp_path / "original" / TASK
    names = [f"hippocampus_{number:03d}.nii.gz" for number in (1, 3, 4, 6, 7, 8)]
    for folder in ("imagesTr", "labelsTr", "imagesTs"):
        (root / folder).mkdir(parents=True)
        for name in names:
            nib.save(nib.Nifti1Image(np.ones((3, 4, 5), np.uint8), np.eye(4)), root / folder / name)
            (root / folder / f"._{name}").write_bytes(b"\0\5\x16\7")
    described = [{"image": f"./imagesTr/{name}", "label": f"./labelsTr/{name}"} for name in names]
    keys = ("name", "description", "reference", "licence", "tensorImageSize", "modality", "labels")
    properties = dict.fromkeys(keys, "") | {"numTraining": len(names), "numTest": 0, "training": described, "test": []}
    (root / "dataset.json").write_text(json.dumps(properties), encoding="utf-8")
    return root


@pytest.fixture
def archive(dataset, tmp_path, monkeypatch):
    """The archive that stands where MONAI looks for the Decathlon's, on a machine without the package requests."""
    archive = tmp_path / "served.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(dataset, TASK)
    monkeypatch.setitem(DecathlonDataset.resource, TASK, archive.as_uri())
    monkeypatch.setitem(DecathlonDataset.md5, TASK, hashlib.md5(archive.read_bytes()).hexdigest())
    monkeypatch.setattr(monai_downloader, "requests", None)
    return archive


def test_what_is_fetched_is_read(archive, tmp_path):
    fetched = fetch_hippocampus(tmp_path / "data" / "sets")
    assert fetched == str(tmp_path / "data" / "sets" / TASK)
    parts = [hippocampus_datalist(fetched, "validation", fold, num_folds=3) for fold in range(3)]
    cases = [f"hippocampus_{number:03d}" for number in (1, 3, 4, 6, 7, 8)]
    assert sorted(item["case"] for part in parts for item in part) == cases
    for item in parts[0]:
        assert item["image"] == f"{fetched}/imagesTr/{item['case']}.nii.gz"
        assert item["label"] == f"{fetched}/labelsTr/{item['case']}.nii.gz"
    archive.unlink()  # nothing is fetched twice
    assert fetch_hippocampus(tmp_path / "data" / "sets") == fetched
    assert sorted(path.name for path in (tmp_path / "data" / "sets").iterdir()) == [TASK, f"{TASK}.tar"]


def test_a_damaged_download_leaves_nothing_to_train_on(archive, tmp_path):
    archive.write_bytes(archive.read_bytes()[:-1000])
    with pytest.raises(HashCheckError):
        fetch_hippocampus(tmp_path / "data")
    assert not (tmp_path / "data" / TASK).exists()


def test_an_interrupted_unpacking_is_done_again(archive, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("common.datasets.hippocampus.extractall", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            fetch_hippocampus(tmp_path)
    assert len(hippocampus_datalist(fetch_hippocampus(tmp_path), "training", num_folds=2)) == 3


def test_dataset_json_is_not_needed_and_nii_is_read_as_well(dataset):
    (dataset / "dataset.json").unlink()
    for folder in ("imagesTr", "labelsTr"):
        packed = dataset / folder / "hippocampus_004.nii.gz"
        nib.save(nib.load(packed), dataset / folder / "hippocampus_004.nii")
        if folder == "labelsTr":
            packed.unlink()
    with pytest.raises(InputError, match="two files of the case 'hippocampus_004'"):
        hippocampus_datalist(dataset, "training")
    (dataset / "imagesTr/hippocampus_004.nii.gz").unlink()
    items = [item for part in ("training", "validation") for item in hippocampus_datalist(dataset, part)]
    assert {item["case"]: item["label"].rpartition("/")[2] for item in items}[
        "hippocampus_004"
    ] == "hippocampus_004.nii"
    assert len(items) == 6


def test_says_what_is_missing(dataset, tmp_path):
    (dataset / "imagesTr/hippocampus_007.nii.gz").unlink()
    with pytest.raises(InputError, match=r"1 have none: hippocampus_007\.$"):
        hippocampus_datalist(dataset, "training")
    with pytest.raises(InputError, match="must hold imagesTr/ and labelsTr/"):
        hippocampus_datalist(dataset.parent, "training")
    for folder in ("imagesTr", "labelsTr"):
        (tmp_path / "bare" / folder).mkdir(parents=True)
    with pytest.raises(InputError, match="imagesTr holds no NIfTI file"):
        hippocampus_datalist(tmp_path / "bare", "training")


def test_real_labels_hold_both_structures(real_data):
    sections = [hippocampus_datalist(real_data / "hippocampus", s) for s in ("training", "validation")]
    assert [len(items) for items in sections] == [139, 35]
    for item in [*sections[0], *sections[1]]:
        image, label = nib.load(item["image"]), nib.load(item["label"])
        assert image.shape == label.shape
        assert np.array_equal(np.unique(np.asarray(label.dataobj)), [0, 1, 2])


def test_sections_of_so_many_subjects(dataset):
    numbers = {"num_training": 2, "num_validation": 1, "num_test": 3}
    parts = {}
    for seed in (0, 1):
        for section in ("training", "validation", "test"):
            items = hippocampus_subject_datalist(dataset, section, seed=seed, **numbers)
            assert len(items) == numbers[f"num_{section}"]
            assert all(item["image"].endswith(f"imagesTr/{item['case']}.nii.gz") for item in items)
            parts[seed, section] = {item["case"] for item in items}
    assert parts[0, "test"] == parts[1, "test"]
    assert not parts[0, "test"] & (parts[0, "training"] | parts[0, "validation"])
    assert not parts[0, "training"] & parts[0, "validation"]
    with pytest.raises(InputError, match="holds 6 subjects, but 5 training"):
        hippocampus_subject_datalist(dataset, "training", 5, num_validation=1, num_test=1)
