"""The Decathlon's hippocampus, as MONAI's downloader leaves it and as users' folders hold it."""

import hashlib
import json
import tarfile

import nibabel as nib
import numpy as np
import pytest
from dataset_files import reasons
from monai.apps import DecathlonDataset
from monai.apps import utils as monai_downloader
from monai.apps.utils import HashCheckError

from common.datasets import fetch_hippocampus, read_dataset, split_dataset
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
    properties = {"modality": {"0": "MRI"}, "labels": {"0": "background", "1": "Anterior", "2": "Posterior"}}
    properties |= {"numTraining": len(names), "numTest": 0, "training": described, "test": []}
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
    found = read_dataset(fetched)
    assert found.layout == "hippocampus"
    assert found.cases == tuple(f"hippocampus_{number:03d}" for number in (1, 3, 4, 6, 7, 8))
    for item in found.items:
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
    assert len(read_dataset(fetch_hippocampus(tmp_path)).items) == 6


def test_dataset_json_is_not_needed_and_nii_is_read_as_well(dataset):
    (dataset / "dataset.json").unlink()
    for folder in ("imagesTr", "labelsTr"):
        packed = dataset / folder / "hippocampus_004.nii.gz"
        nib.save(nib.load(packed), dataset / folder / "hippocampus_004.nii")
        if folder == "labelsTr":
            packed.unlink()
    with pytest.raises(InputError, match="two files of the case 'hippocampus_004'"):
        read_dataset(dataset)
    (dataset / "imagesTr/hippocampus_004.nii.gz").unlink()
    items = read_dataset(dataset).items
    assert {item["case"]: item["label"].rpartition("/")[2] for item in items}[
        "hippocampus_004"
    ] == "hippocampus_004.nii"
    assert len(items) == 6


def test_says_what_is_missing(dataset, tmp_path):
    (dataset / "dataset.json").unlink()
    (dataset / "imagesTr/hippocampus_007.nii.gz").unlink()
    found = read_dataset(dataset)
    assert len(found.items) == 5
    assert reasons(found)["labelsTr/hippocampus_007.nii.gz"] == "there is no image of its name"
    for folder in ("imagesTr", "labelsTr"):
        (tmp_path / "bare" / folder).mkdir(parents=True)
    for place in (dataset.parent, tmp_path / "bare"):
        with pytest.raises(InputError, match="holds no labeled case"):
            read_dataset(place, "hippocampus")


def test_real_labels_hold_both_structures(real_data):
    split = split_dataset(read_dataset(real_data / "hippocampus"), fold=0)
    assert (len(split.training), len(split.validation)) == (139, 35)
    for item in split.training + split.validation:
        image, label = nib.load(item["image"]), nib.load(item["label"])
        assert image.shape == label.shape
        assert np.array_equal(np.unique(np.asarray(label.dataobj)), [0, 1, 2])


def test_sections_of_so_many_subjects(dataset):
    found = read_dataset(dataset)
    parts = {}
    for seed in (0, 1):
        split = split_dataset(found, seed, counts=(2, 1, 3))
        parts[seed] = [{item["case"] for item in items} for items in (split.training, split.validation, split.test)]
        assert [len(items) for items in parts[seed]] == [2, 1, 3]
        assert len(set.union(*parts[seed])) == 6
    assert parts[0][2] == parts[1][2]
    with pytest.raises(InputError, match="holds 6 subjects, but 5 training"):
        split_dataset(found, counts=(5, 1, 1))
