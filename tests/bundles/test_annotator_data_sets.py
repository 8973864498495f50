"""Public data sets of several annotators in the annotators' bundle: BraTS, ISBI 2015 and LIDC."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from annotator_runs import CONFIGS, LEFT_OUT, bundle_run
from data_kinds import write_squares
from monai.bundle import ConfigParser
from monai.transforms import ResizeWithPadOrCrop
from PIL import Image

from common.datasets import read_dataset
from common.errors import InputError, find_input_error
from common.io.files import read_csv

MODALITIES = ["flair", "t1", "t1ce", "t2"]
LPS = np.diag([-2.0, -2.0, 3.0, 1.0])  # as BraTS is stored
SIMULATED = ["good", "over", "under", "wrong"]
GLIOMA = {"patch_size": [16, 16], "image_size": LEFT_OUT, "annotators": LEFT_OUT, "counts": [4, 1, 1]}
CHANNEL_FILES = [f"_{name}" for name in MODALITIES]


def write_glioma(folder: Path, shape: tuple[int, ...], seed: int, affine: np.ndarray = LPS, label: bool = True) -> Path:
    """A case in the layout of BraTS: a head in nothing, with a tumor that each modality shows differently."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    head = np.zeros(shape, dtype=np.float32)
    head[2:, 2:] = 1
    tumor = np.zeros(shape, dtype=np.uint8)
    tumor[4:11, 4:11, :2], tumor[5:10, 5:10, :2], tumor[7:9, 7:9, :2] = 2, 4, 1
    for number, name in enumerate(MODALITIES):
        image = head * (rng.normal(100 * (number + 1), 10, shape) + 60 * (tumor > number % 3))
        nib.save(nib.Nifti1Image(image.astype(np.float32), affine), folder / f"{folder.name}_{name}.nii.gz")
    if label:
        nib.save(nib.Nifti1Image(tumor, affine), folder / f"{folder.name}_seg.nii.gz")
    return folder


def configuration(*names: str, **values: Any) -> ConfigParser:
    parser = ConfigParser()
    parser.read_config([str(CONFIGS / f"{name}.yaml") for name in names])
    parser.update(values)
    return parser


@pytest.fixture(scope="module")
def gliomas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six cases, and in ``model/`` what one epoch on them gives."""
    folder = tmp_path_factory.mktemp("gliomas")
    for number in range(6):
        write_glioma(folder / f"HGG/case_{number}", (20, 18, 3), number)
    values = {"dataset_dir": str(folder), "max_epochs": 1, "num_workers": 0, **GLIOMA}
    bundle_run("training", ["train", "brats"], folder / "model", **values)
    return folder


def plan_of_gliomas(dataset_dir: Path) -> ConfigParser:
    """The configuration of training on one case that is in every section."""
    parser = configuration("train", "brats", dataset_dir=str(dataset_dir), patch_size=[24, 24], features=[4, 8])
    parser.update({"split": {"_target_": "common.datasets.Split", "training": "$@data.items", "validation": "$[]"}})
    return parser


@pytest.mark.parametrize("shape", [(20, 18, 3), (12, 21, 3), (13, 14, 3)])
def test_new_gliomas_are_prepared_as_in_training(shape: tuple[int, ...], tmp_path: Path) -> None:
    """Channel by channel and pixel by pixel, of whatever size and however stored."""
    case = write_glioma(tmp_path / "HGG/a", shape, seed=0)
    training = plan_of_gliomas(tmp_path)
    plan = training.get_parsed_content("plan")
    (tmp_path / "plan.json").write_text(plan.to_json())
    new = configuration("inference", dataset_dir=str(tmp_path / "HGG"), ckpt_dir=str(tmp_path))
    new["channel_files"] = CHANNEL_FILES
    files = [str(case / f"a_{name}.nii.gz") for name in MODALITIES]
    assert new.get_parsed_content("inputs").items == [{"image": files, "case": "a/a"}]
    item = {"image": files, "label": str(case / "a_seg.nii.gz"), "case": "a"}
    known = training.get_parsed_content("validate#preprocessing")(item)["image"]
    for path in files:  # the same voxels, stored from left to right
        nib.save(nib.as_closest_canonical(nib.load(path)), tmp_path / Path(path).name)
    known = ResizeWithPadOrCrop((24, 24, -1))(known)  # as the inferer of the validation extends them
    for image in (files, [str(tmp_path / Path(path).name) for path in files]):
        volume = new.get_parsed_content("preprocessing")({"image": image})["image"]
        seen: list[torch.Tensor] = []
        new.get_parsed_content("inferer")(volume[None], lambda slices, seen=seen: seen.append(slices) or slices.clone())
        slices = torch.cat(seen)
        assert slices.shape[:2] == (3, 4)
        np.testing.assert_allclose(slices.movedim(0, -1), known, atol=1e-5)


def test_new_gliomas(gliomas: Path, tmp_path: Path) -> None:
    """Cases of other sizes and orientations, and one that lacks a modality; as a folder and as a datalist."""
    new = tmp_path / "new"
    turned = np.array([[0, 1.0, 0, 5], [0, 0, 1.0, -7], [2.5, 0, 0, 1], [0, 0, 0, 1]])
    shapes = {"large": (24, 20, 5), "small": (3, 13, 14), "cut": (20, 18, 2)}
    for number, (case, shape) in enumerate(shapes.items()):
        write_glioma(new / case, shape, number, turned if case == "small" else LPS, label=case == "large")
    (new / "cut/cut_t1ce.nii.gz").unlink()
    configs = ["inference"]
    values = {"ckpt_dir": str(gliomas / "model"), "save_annotators": "true", "readout": "estimate"}
    values["channel_files"] = CHANNEL_FILES
    with pytest.raises(Exception) as raised:
        bundle_run("inferring", configs, tmp_path / "out", dataset_dir=str(new), **values)
    reason = f"1 of 3 inputs were left out: {new / 'cut/cut_t1ce.nii.gz'}: there is no such file."
    assert str(find_input_error(raised.value)) == reason
    assert [row["case"] for row in read_csv(tmp_path / "out/summary.csv")] == ["large/large", "small/small"]
    names = ["mask", "entropy", "disagreement", *(f"annotator_{name}" for name in SIMULATED)]
    for case in ("large", "small"):
        image = nib.load(new / f"{case}/{case}_flair.nii.gz")
        maps = nib.load(tmp_path / f"out/{case}/{case}_probabilities.nii.gz")
        assert maps.shape == (*image.shape, 4)
        for written in (maps, *(nib.load(tmp_path / f"out/{case}/{case}_{name}.nii.gz") for name in names)):
            assert written.shape[:3] == image.shape
            np.testing.assert_array_equal(written.affine, image.affine)
        np.testing.assert_allclose(np.asarray(maps.dataobj).sum(-1), 1, atol=1e-4)
    for name in ("entropy", "disagreement"):  # the whole slice is seen, not only what is cropped in training
        assert (np.asarray(nib.load(tmp_path / f"out/large/large_{name}.nii.gz").dataobj) > 0).all()

    images = {case: [f"{case}/{case}_{name}.nii.gz" for name in MODALITIES] for case in ("large", "small")}
    entries = [{"image": files, "case": case} for case, files in images.items()]
    (new / "list.json").write_text(json.dumps(entries))
    bundle_run("inferring", configs, tmp_path / "listed", dataset_dir=str(new / "list.json"), **values)
    for case in images:
        for name in ("probabilities", *names):
            one, two = tmp_path / f"out/{case}/{case}_{name}.nii.gz", tmp_path / f"listed/{case}_{name}.nii.gz"
            np.testing.assert_array_equal(nib.load(one).dataobj, nib.load(two).dataobj)


def prepared(*configs: str, **values: Any) -> tuple[ConfigParser, list[dict[str, Any]]]:
    """The configuration of a training, and its samples."""
    parser = configuration(*configs, features=[4, 8], **values)
    return parser, list(parser.get_parsed_content("train#dataset"))


@pytest.fixture(scope="module")
def lesions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five patients in the layout of ISBI 2015; mask2 is one slice higher than mask1."""
    folder, rng = tmp_path_factory.mktemp("lesions"), np.random.default_rng(0)
    for patient in range(1, 6):
        root, name = folder / f"training{patient:02d}", f"training{patient:02d}_01"
        files = {f"preprocessed/{name}_{kind}_pp": rng.random((10, 8, 6)) for kind in ("flair", "mprage", "pd", "t2")}
        for number in (1, 2):
            mask = files[f"masks/{name}_mask{number}"] = np.zeros((10, 8, 6))
            mask[4:7, 3:6, 1 + number : 3 + number] = 1
        for file, array in files.items():
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            nib.save(nib.Nifti1Image(array.astype(np.float32), np.eye(4)), root / f"{file}.nii")
    return folder


def test_slices_of_two_annotators(lesions: Path) -> None:
    """Those in which one of them saw a lesion; one of them may be the ground truth besides."""
    parser, samples = prepared("train", "ms_lesion", dataset_dir=str(lesions))
    assert len(samples) == 2 * 3 and samples[0]["image"].shape[0] == 4 and "label" not in samples[0]
    sums = [sample["annotators"].clamp(0).sum((1, 2)).tolist() for sample in samples[:3]]
    assert sums == [[9, 0], [9, 9], [0, 9]]
    assert not parser.get_parsed_content("ground_truth")
    parser, samples = prepared("train", "ms_lesion", dataset_dir=str(lesions), truth="mask1")
    assert parser.get_parsed_content("ground_truth") and parser.get_parsed_content("chosen_readout") == "vote"
    with pytest.raises(InputError, match="truth: expected one of mask1, mask2, got mask3"):
        read_dataset(lesions, "ms_lesion", truth="mask3")


def test_simulated_annotators_of_a_ground_truth(lesions: Path) -> None:
    """One of five for each slice, drawn from mask1."""
    kinds = {kind: kind for kind in ("good", "over", "under", "wrong", "blank")}
    values = {"truth": "mask1", "simulated": kinds, "labels_per_image": 1}
    parser, samples = prepared("train", "ms_lesion", dataset_dir=str(lesions), **values)
    present = torch.stack([(sample["annotators"] >= 0).flatten(1).any(1) for sample in samples])
    assert present.shape[1] == 5 and (present.sum(1) == 1).all() and len(present.int().argmax(1).unique()) > 1
    assert parser.get_parsed_content("plan").annotators == tuple(kinds)
    validated = parser.get_parsed_content("validate#dataset")[0]
    good = validated["annotators"][0].clamp(0)  # beyond the border nobody labeled
    assert torch.equal(good, validated["label"][0]) and good.sum() == 18


def test_crops_of_four_radiologists(tmp_path: Path) -> None:
    for patient in "ABCDEF":
        for name in ("images", "gt"):
            (tmp_path / name / patient).mkdir(parents=True)
        picture = np.arange(18 * 18).reshape(18, 18) % 251
        Image.fromarray(picture.astype(np.uint8)).save(tmp_path / "images" / patient / "c0.png")
        for number in range(4):
            mask = np.zeros((18, 18), np.uint8)
            mask[5 : 5 + 2 * number, 5:9] = 255
            Image.fromarray(mask).save(tmp_path / "gt" / patient / f"c0_l{number}.png")
    _, samples = prepared("train", "lidc", dataset_dir=str(tmp_path), image_size=[18, 18])
    assert samples[0]["annotators"].clamp(0).sum((1, 2)).tolist() == [0, 8, 16, 24]


def test_an_evaluation_knows_whom_the_training_left_out(tmp_path: Path) -> None:
    data = write_squares(tmp_path / "data")
    (data / "masks").rename(data / "AR")
    for name in ("HS", "XX"):
        shutil.copytree(data / "AR", data / name)
    few = {"features": [4, 8], "batch_size": 3, "max_epochs": 1, "dataset_dir": str(data), "num_workers": 0}
    bundle_run("training", ["train"], tmp_path / "run", **few, annotators=["AR", "HS"])
    bundle_run("evaluating", ["train", "evaluate"], tmp_path / "run", **few, annotators=LEFT_OUT)
    rows = read_csv(tmp_path / "run/evaluation/confusion.csv")
    assert {row["annotator"] for row in rows} == {"AR", "HS"}
    assert [row["written"] for row in rows[:4]] == ["background", "background", "foreground", "foreground"]
