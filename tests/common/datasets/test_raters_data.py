"""MS lesions, gliomas and lung nodules: miniature copies of the layouts, split by patient, and their mistakes."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.transforms import CenterSpatialCropd, Compose, MapLabelValued, NormalizeIntensity
from PIL import Image

from common.datasets import brats_datalist, lidc_datalist, ms_lesion_datalist
from common.errors import InputError
from common.io import LoadAnnotatorsd, LoadSliced, load_images
from common.transforms import SimulateAnnotatorsd

SECTIONS = ("training", "validation", "test")
SHAPE = (10, 8, 6)


def save(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(values, np.eye(4)), path)


@pytest.fixture
def isbi(tmp_path: Path) -> Path:
    """Five patients, 21 scans of which the first have four time points and the fourth has five, as in ISBI 2015."""
    random = np.random.default_rng(0)
    for patient in range(1, 6):
        for time in range(1, 6 if patient == 4 else 5):
            folder, name = tmp_path / f"training{patient:02d}", f"training{patient:02d}_{time:02d}"
            for modality in ("flair", "mprage", "pd", "t2"):
                save(folder / "preprocessed" / f"{name}_{modality}_pp.nii", random.random(SHAPE, dtype=np.float32))
                save(folder / "orig" / f"{name}_{modality}.nii.gz", np.zeros(SHAPE, np.float32))
            mask = np.zeros(SHAPE, np.uint8)
            mask[4:7, 3:6, 2:4] = 1
            save(folder / "masks" / f"{name}_mask1.nii", mask)
            save(folder / "masks" / f"{name}_mask2.nii", np.roll(mask, 1, axis=2))
    return tmp_path


def test_ms_lesions_of_two_raters_by_patient(isbi: Path):
    sections = {section: ms_lesion_datalist(isbi, section) for section in SECTIONS}
    patients = [{item["patient"] for item in items} for items in sections.values()]
    assert [len(names) for names in patients] == [2, 1, 2]
    assert sorted(set.union(*patients)) == [f"training{number:02d}" for number in range(1, 6)]
    assert sum(len(items) for items in sections.values()) == 21 * 3  # a mask of 2 slices, and the other one higher
    load = Compose([LoadSliced("image"), LoadAnnotatorsd("annotators", ["mask1", "mask2"])])
    found = [load(item)["annotators"].sum((1, 2)).tolist() for item in sections["training"][:3]]
    assert found == [[9, 0], [9, 9], [0, 9]]
    assert load(sections["test"][0])["image"].shape == (1, 10, 8)


def test_ms_lesions_thinned_and_with_modalities(isbi: Path):
    one = ms_lesion_datalist(isbi, "training", labels_per_image=1, modalities=("flair", "t2"))
    assert {len(item["annotators"]) for item in one} == {1}
    assert {name for item in one for name in item["annotators"]} == {"mask1", "mask2"}
    assert {len(item["annotators"]) for item in ms_lesion_datalist(isbi, "test", labels_per_image=1)} == {2}
    assert LoadSliced("image")(one[0])["image"].shape == (2, 10, 8)
    assert [Path(path).name.split("_")[2] for path in one[0]["image"]] == ["flair", "t2"]
    assert len(ms_lesion_datalist(isbi, "training", slices="all")) == 6 * len({item["volume"] for item in one})


def test_ms_lesions_of_simulated_annotators(isbi: Path):
    kinds = {name: name for name in ("good", "over", "blank")}
    items = ms_lesion_datalist(isbi, "training", list(kinds), labels_per_image=1, truth="mask1")
    steps = Compose([LoadSliced(["image", "label"]), SimulateAnnotatorsd("label", kinds)])
    for item in items[:6]:
        loaded = steps(item)
        assert loaded["label"].sum() == 9 and len(item["annotators"]) == 1
        assert [name for name, label in zip(kinds, loaded["annotators"], strict=True) if (label >= 0).all()] == item[
            "annotators"
        ]


def test_ms_mistakes_are_named(isbi: Path, tmp_path: Path):
    with pytest.raises(InputError, match="section must be"):
        ms_lesion_datalist(isbi, "train")
    with pytest.raises(InputError, match="annotators: expected a list"):
        ms_lesion_datalist(isbi, "training", "mask1")
    for names in (["good", "over"], ["mask1", "mask3"]):
        with pytest.raises(InputError, match=r"expected annotators among its raters \(mask1, mask2\), or a truth"):
            ms_lesion_datalist(isbi, "training", names)
    with pytest.raises(InputError, match=r"misses 21 files: training01_01_mask3\.nii"):
        ms_lesion_datalist(isbi, "training", ["good"], truth="mask3")
    (isbi / "training02/masks/training02_03_mask2.nii").unlink()
    with pytest.raises(InputError, match=r"misses 1 files: training02_03_mask2\.nii"):
        ms_lesion_datalist(isbi, "training")
    (isbi / "training03/preprocessed/training03_01_t2_pp.nii").unlink()
    with pytest.raises(InputError, match=r"misses 1 files: training03_01_t2_pp\.nii"):
        ms_lesion_datalist(isbi, "training", ["mask1"], modalities=("flair", "t2"))
    with pytest.raises(InputError, match="holds no scan of ISBI 2015"):
        ms_lesion_datalist(tmp_path / "training01" / "orig", "training")


@pytest.fixture
def brats(tmp_path: Path) -> Path:
    """Twelve cases with four modalities and the labels 0, 1, 2 and 4."""
    random = np.random.default_rng(0)
    for number in range(12):
        name = f"BraTS19_CBICA_{number:03d}_1"
        for modality in ("flair", "t1", "t1ce", "t2"):
            values = 100 * random.random(SHAPE, dtype=np.float32)
            save(tmp_path / "HGG" / name / f"{name}_{modality}.nii.gz", values)
        label = np.zeros(SHAPE, np.uint8)
        label[3:8, 2:7, 1:5] = 2
        label[4:7, 3:6, 2:4] = 4
        label[5, 4, 2:4] = 1
        save(tmp_path / "HGG" / name / f"{name}_seg.nii.gz", label)
    (tmp_path / "name_mapping.csv").touch()
    return tmp_path


def test_gliomas_by_case_as_slices_of_four_channels(brats: Path):
    sections = {section: brats_datalist(brats, section) for section in SECTIONS}
    assert [len(items) for items in sections.values()] == [8 * 4, 2 * 4, 2 * 4]
    assert len({item["volume"] for items in sections.values() for item in items}) == 12
    kinds = {
        name: {"kind": name, "target": 2} if name != "good" else "good" for name in ("good", "over", "under", "wrong")
    }
    steps = Compose(
        [
            LoadSliced(["image", "label"], volume_transforms={"image": NormalizeIntensity(nonzero=True)}),
            MapLabelValued("label", [0, 1, 2, 4], [0, 1, 2, 3]),
            SimulateAnnotatorsd("label", kinds),
            CenterSpatialCropd(["image", "label", "annotators"], (6, 6)),
        ]
    )
    loaded = steps(sections["training"][1])
    assert loaded["image"].shape == (4, 6, 6) and loaded["annotators"].shape == (4, 6, 6)
    assert loaded["label"].unique().tolist() == [0, 1, 2, 3]
    assert torch.equal(loaded["annotators"][0], loaded["label"][0])
    first = steps(sections["training"][0])
    _, over, under, wrong = ((label == 2).sum() for label in first["annotators"])
    assert over > (first["label"] == 2).sum() > under and wrong > under


def test_gliomas_so_many_slices_and_one_label(brats: Path):
    some = brats_datalist(brats, "training", num_slices={"training": 10}, labels_per_image=1)
    assert len(some) == 10 and {len(item["annotators"]) for item in some} == {1}
    assert some == brats_datalist(brats, "training", num_slices={"training": 10}, labels_per_image=1)
    assert some != brats_datalist(brats, "training", num_slices={"training": 10}, labels_per_image=1, seed=1)
    assert len(brats_datalist(brats, "test", num_slices={"training": 10}, labels_per_image=1)) == 8
    assert brats_datalist(brats / "HGG", "test") == brats_datalist(brats, "test")
    assert len(brats_datalist(brats, "test", slices="all")) == 12


def test_glioma_mistakes_are_named(brats: Path, tmp_path: Path):
    with pytest.raises(InputError, match="section must be"):
        brats_datalist(brats, "testing")
    (brats / "HGG/BraTS19_CBICA_003_1/BraTS19_CBICA_003_1_t1ce.nii.gz").unlink()
    with pytest.raises(InputError, match=r"misses 1 files: BraTS19_CBICA_003_1_t1ce\.nii\.gz"):
        brats_datalist(brats, "training")
    assert len(brats_datalist(brats, "training", modalities=("flair",))) == 32
    (tmp_path / "bare").mkdir()
    with pytest.raises(InputError, match="bare holds no BraTS case"):
        brats_datalist(tmp_path / "bare", "training")
    for path in brats.rglob("*_seg.nii.gz"):
        path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(InputError, match=r"_seg\.nii\.gz cannot be read as NIfTI"):
        brats_datalist(brats, "training", modalities=("flair",))


def draw_lidc(root: Path, patients: list[str]) -> None:
    random = np.random.default_rng(0)
    for patient in patients:
        for crop in ("z-105.0_c0", "z-107.5_c1"):
            for folder in ("images", "gt"):
                (root / folder / patient).mkdir(parents=True, exist_ok=True)
            Image.fromarray(random.integers(255, size=(18, 18), dtype=np.uint8)).save(
                root / "images" / patient / f"{crop}.png"
            )
            for rater in range(4):
                mask = np.zeros((18, 18), np.uint8)
                mask[5 : 5 + 2 * rater, 5:9] = 255
                Image.fromarray(mask).save(root / "gt" / patient / f"{crop}_l{rater}.png")


def test_nodules_of_four_raters_in_their_own_folders(tmp_path: Path):
    for part, patients in (("train", ["A", "B", "C"]), ("val", ["D"]), ("test", ["E"])):
        draw_lidc(tmp_path / part, patients)
    sections = {section: lidc_datalist(tmp_path, section) for section in SECTIONS}
    assert [len(items) for items in sections.values()] == [6, 2, 2]
    assert sections["validation"][0]["case"] == "D/z-105.0_c0" and sections["validation"][0]["patient"] == "D"
    load = Compose([load_images("image"), LoadAnnotatorsd("annotators", ["l0", "l1", "l2", "l3"])])
    loaded = load(sections["test"][0])
    assert loaded["image"].shape == (1, 18, 18)
    assert loaded["annotators"].sum((1, 2)).tolist() == [0, 8, 16, 24]
    one = lidc_datalist(tmp_path, "training", labels_per_image=1)
    assert {len(item["annotators"]) for item in one} == {1}
    assert {len(item["annotators"]) for item in lidc_datalist(tmp_path, "test", labels_per_image=1)} == {4}


def test_nodules_split_by_patient(tmp_path: Path):
    draw_lidc(tmp_path, [f"LIDC-IDRI-{number:04d}" for number in range(10)])
    sections = [lidc_datalist(tmp_path, section) for section in SECTIONS]
    assert [len(items) for items in sections] == [14, 2, 4]
    assert len({item["patient"] for items in sections for item in items}) == 10


def test_nodule_mistakes_are_named(tmp_path: Path):
    with pytest.raises(InputError, match="must hold the folders images and gt"):
        lidc_datalist(tmp_path, "training")
    for name in ("images", "gt"):
        (tmp_path / name).mkdir()
    with pytest.raises(InputError, match="must hold a folder per patient"):
        lidc_datalist(tmp_path, "training")
    draw_lidc(tmp_path, ["A"])
    (tmp_path / "gt/A/z-105.0_c0_l2.png").unlink()
    fractions = (1.0, 0.0, 0.0)
    with pytest.raises(InputError, match=r"gt misses 1 masks: A/z-105\.0_c0_l2\.png"):
        lidc_datalist(tmp_path, "training", fractions=fractions)
    assert len(lidc_datalist(tmp_path, "training", ["l0", "l1"], fractions=fractions)) == 2
    with pytest.raises(InputError, match="annotators: expected a list"):
        lidc_datalist(tmp_path, "training", "l0")
