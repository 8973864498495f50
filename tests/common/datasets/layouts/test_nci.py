"""NCI-ISBI 2013 as the archive distributes it, in miniature: which series, whose labels, on which grid."""

from __future__ import annotations

import sys
from collections import Counter

import numpy as np
import pytest
import torch
from dataset_files import reasons
from monai.transforms import Compose, ResizeWithPadOrCropd, ScaleIntensityRangePercentilesd, Spacingd

from common.datasets import read_dataset, split_dataset
from common.errors import InputError
from common.io import LoadSeriesd
from common.transforms import N4BiasFieldd

COLLECTIONS = {"Prostate3T": "Prostate-3T", "ProstateDx": "PROSTATE-DIAGNOSIS"}
SPACING, ORIGIN = (0.625, 0.625, 3.6), (-50.0, -40.0, 12.0)


@pytest.fixture
def dataset(tmp_path):
    """Five subjects of each scanner, as empty files, and one more without a label."""
    for scanner, collection in COLLECTIONS.items():
        for number in range(1, 7):
            subject = f"{scanner}-01-{number:04d}"
            series = tmp_path / "manifest-1" / collection / subject / "1.3.6" / "1.3.7"
            series.mkdir(parents=True)
            (series / "1-01.dcm").touch()
            if number < 6:
                ending = "_correctedLabels" if number == 2 else ""
                (tmp_path / "Training").mkdir(exist_ok=True)
                (tmp_path / "Training" / f"{subject}{ending}.nrrd").touch()
    return tmp_path


def test_sections_are_balanced_over_the_scanners(dataset):
    found = read_dataset(dataset)
    assert (found.layout, len(found.items)) == ("nci", 10)
    unlabeled = [path for path, reason in reasons(found).items() if reason == "there is no label of it"]
    assert [path.split("/")[2] for path in sorted(unlabeled)] == ["ProstateDx-01-0006", "Prostate3T-01-0006"]
    split = split_dataset(found, counts=(4, 2, 4))
    for items, half in zip((split.training, split.validation, split.test), (2, 1, 2), strict=True):
        assert Counter(item["case"].partition("-")[0] for item in items) == dict.fromkeys(COLLECTIONS, half)
    assert split_dataset(found, 5, counts=(4, 2, 4)).test == split.test
    second = next(item for item in found.items if item["case"] == "ProstateDx-01-0002")
    assert second["image"].endswith("PROSTATE-DIAGNOSIS/ProstateDx-01-0002/1.3.6/1.3.7")
    assert second["label"].endswith("Training/ProstateDx-01-0002_correctedLabels.nrrd")


def test_what_is_wrong_is_named(dataset, tmp_path_factory):
    with pytest.raises(InputError, match="holds no labeled case in the layout nci"):
        read_dataset(tmp_path_factory.mktemp("empty"), "nci")
    stray = dataset / "Training/Prostate3T-02-0001.nrrd"
    stray.touch()
    assert reasons(read_dataset(dataset))["Training/Prostate3T-02-0001.nrrd"] == "there is no series of it"
    stray.unlink()
    (dataset / "Training/Prostate3T-01-0001_truth.nrrd").touch()
    other = dataset / "manifest-1/Prostate-3T/Prostate3T-01-0003/1.3.6/1.3.8"
    other.mkdir()
    (other / "1-01.dcm").touch()
    with pytest.raises(InputError, match=r"several series or labels: Prostate3T-01-0001, Prostate3T-01-0003; keep one"):
        read_dataset(dataset)


def test_the_missing_extra_is_named_at_once(monkeypatch):
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    with pytest.raises(InputError, match=r"LoadSeriesd needs SimpleITK.*\.\[itk\]"):
        LoadSeriesd(["image", "label"])


@pytest.fixture
def sitk():
    """Skips, visibly, without the extra itk."""
    return pytest.importorskip("SimpleITK")


def voxels():
    """(Z, Y, X): a slope that tells every axis and direction apart, and two zones."""
    z, y, x = np.meshgrid(np.arange(6), np.arange(20), np.arange(24), indexing="ij")
    label = np.zeros((6, 20, 24), np.uint8)
    label[2:5, 5:12, 6:15] = 1
    label[3:5, 7:10, 8:12] = 2
    return (100 * z + 2 * y + x).astype(np.int16), label


def write_series(sitk, folder, array, series="1.2.826.0.1.3680043.2.1125.1"):
    """One DICOM file per slice; file names run against the slices' positions, as they may."""
    folder.mkdir(parents=True)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for index, plane in enumerate(array):
        image = sitk.GetImageFromArray(plane)
        image.SetSpacing(SPACING[:2])
        position = f"{ORIGIN[0]}\\{ORIGIN[1]}\\{ORIGIN[2] + index * SPACING[2]}"
        for tag, value in {
            "0008|0060": "MR",
            "0008|0018": f"{series}.{index + 1}",
            "0020|000d": "1.2.826.0.1.3680043.2.1125",
            "0020|000e": series,
            "0020|0013": str(index + 1),
            "0020|0032": position,
            "0020|0037": "1\\0\\0\\0\\1\\0",
            "0018|0050": str(SPACING[2]),
        }.items():
            image.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"1-{len(array) - index:02d}.dcm"))
        writer.Execute(image)


def volume(sitk, array, origin=ORIGIN, spacing=SPACING):
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    return image


def test_series_and_label_as_the_archive_has_them(sitk, tmp_path):
    image, label = voxels()
    for scanner, collection in COLLECTIONS.items():
        subject = f"{scanner}-01-0001"
        write_series(sitk, tmp_path / "manifest" / collection / subject / "1.3.6" / "1.3.7", image)
        sitk.WriteImage(volume(sitk, label), str(tmp_path / f"{subject}.nrrd"), useCompression=True)
    items = read_dataset(tmp_path, "nci").items
    assert len(items) == 2
    for item in map(LoadSeriesd(["image", "label"]), items):
        assert item["image"].shape == item["label"].shape == (1, 24, 20, 6)
        assert item["image"].dtype == item["label"].dtype == torch.float32
        assert np.array_equal(item["image"][0].numpy(), image.T)
        assert np.array_equal(item["label"][0].numpy(), label.T)
        expected = np.diag([-SPACING[0], -SPACING[1], SPACING[2], 1.0])
        expected[:3, 3] = -ORIGIN[0], -ORIGIN[1], ORIGIN[2]
        for key in ("image", "label"):
            assert np.allclose(item[key].affine, expected, atol=1e-4)


def test_the_papers_preprocessing_leaves_the_slices_alone(sitk, tmp_path):
    image, label = voxels()
    write_series(sitk, tmp_path / "series", image)
    sitk.WriteImage(volume(sitk, label), str(tmp_path / "label.nrrd"))
    keys = ["image", "label"]
    item = Compose(
        [
            LoadSeriesd(keys),
            N4BiasFieldd("image", iterations=(5,)),
            ScaleIntensityRangePercentilesd("image", 2, 98, 0.0, 1.0, clip=True),
            Spacingd(keys, (1.25, 1.25, -1), mode=("bilinear", "nearest")),
            ResizeWithPadOrCropd(keys, (16, 16, -1)),
        ]
    )({"image": tmp_path / "series", "label": tmp_path / "label.nrrd"})
    assert item["image"].shape == item["label"].shape == (1, 16, 16, 6)
    assert item["image"].pixdim.tolist() == pytest.approx([1.25, 1.25, 3.6])
    assert item["image"].min() == 0
    assert 0.9 < item["image"].max() <= 1
    assert set(item["label"].unique().tolist()) == {0, 1, 2}


def test_a_label_with_fewer_or_reversed_slices_is_laid_on_the_image(sitk, tmp_path):
    image, label = voxels()
    write_series(sitk, tmp_path / "series", image)
    first = (ORIGIN[0], ORIGIN[1], ORIGIN[2] + 2 * SPACING[2])
    flip = sitk.Flip(volume(sitk, label), (False, True, True))
    for stored in (volume(sitk, label[2:5], first), flip):
        assert stored.GetSize() != (24, 20, 6) or stored.GetDirection() != volume(sitk, label).GetDirection()
        sitk.WriteImage(stored, str(tmp_path / "label.nrrd"))
        item = LoadSeriesd(["image", "label"])({"image": tmp_path / "series", "label": tmp_path / "label.nrrd"})
        assert np.array_equal(item["label"][0].numpy(), label.T)


def test_labels_that_do_not_fit_are_refused(sitk, tmp_path):
    image, label = voxels()
    write_series(sitk, tmp_path / "series", image)
    path, load = tmp_path / "label.nrrd", LoadSeriesd(["image", "label"])
    turned = volume(sitk, label)
    turned.SetDirection((0.8, 0.6, 0, -0.6, 0.8, 0, 0, 0, 1))
    for wrong, message in (
        (volume(sitk, label, (ORIGIN[0] - 6, *ORIGIN[1:])), r"label.nrrd reaches beyond its image: \d+ of 189 "),
        (volume(sitk, label, spacing=(0.7, 0.625, 3.6)), r"label.nrrd: its voxels are not the image's; spacing 0.7 "),
        (turned, "turned against it"),
    ):
        sitk.WriteImage(wrong, str(path))
        with pytest.raises(InputError, match=message):
            load({"image": tmp_path / "series", "label": path})
    path.write_bytes(b"no image")
    with pytest.raises(InputError, match=r"label.nrrd cannot be read"):
        load({"image": tmp_path / "series", "label": path})


def test_a_folder_without_one_series_is_refused(sitk, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty must hold the files of one DICOM series, but it holds 0"):
        LoadSeriesd("image")({"image": tmp_path / "empty"})
