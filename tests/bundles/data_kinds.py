"""Small data sets of every kind and layout that a user may have, each with new images to segment."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import SimpleITK as sitk
from PIL import Image

CASES = 6
AFFINE = np.diag([-1.0, 1.0, 1.0, 1.0])  # stored from right to left
PALETTE = [250, 250, 250, 255, 255, 0, 0, 255, 255]  # light colors, so that luminance would turn classes around


@dataclass(frozen=True)
class Kind:
    """One kind of data in one layout.

    Attributes:
        name: what a user would call it.
        layout: by which `read_dataset` recognizes it.
        classes: background included.
        write: fills a folder and returns the new images.
        dims: of the images.
        annotators: how many have drawn.
        options: of the command line, where the data alone do not say enough.
    """

    name: str
    layout: str
    classes: int
    write: Callable[[Path], list[Path]]
    dims: int
    annotators: int = 1
    options: tuple[tuple[str, Any], ...] = ()


def drawn(shape: tuple[int, ...], index: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """An image (float, 0 … 200) and its class map: balls of different brightness that every case has."""
    random = np.random.default_rng(index)
    grid = np.indices(shape).astype(float)
    label = np.zeros(shape, np.uint8)
    for k in range(1, classes):
        center = [side * (0.3 + 0.4 * (k - 1) / max(1, classes - 2)) + random.uniform(-1, 1) for side in shape]
        label[sum((axis - at) ** 2 for axis, at in zip(grid, center, strict=True)) < (min(shape) / 4) ** 2] = k
    return 40.0 + 50.0 * label + random.normal(0, 5, shape), label


def save_picture(path: Path, array: np.ndarray, **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array.clip(0, 255).astype(np.uint8), **options).save(path)


def save_volume(path: Path, array: np.ndarray, affine: np.ndarray = AFFINE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(array.astype(np.float32 if array.dtype.kind == "f" else np.uint8), affine), path)


def two_folders(folder: Path) -> list[Path]:
    """Gray PNG with masks of 0 and 255."""
    for index in range(CASES):
        image, label = drawn((32, 32), index, 2)
        save_picture(folder / f"images/case_{index}.png", image)
        save_picture(folder / f"masks/case_{index}.png", label * 255)
    save_picture(folder.parent / "new/a.png", drawn((40, 28), 99, 2)[0])
    return [folder.parent / "new/a.png"]


def palettes(folder: Path) -> list[Path]:
    """Color JPEG with masks whose palette is light."""
    for index in range(CASES):
        image, label = drawn((32, 36), index, 3)
        save_picture(folder / f"images/case_{index}.jpg", np.stack([image, image[::-1], 200 - image], -1))
        (folder / "labels").mkdir(exist_ok=True)
        mask = Image.fromarray(label, "P")
        mask.putpalette(PALETTE)
        mask.save(folder / f"labels/case_{index}.png")
    new = drawn((30, 34), 99, 3)[0]
    save_picture(folder.parent / "new/a.jpg", np.stack([new, new[::-1], 200 - new], -1))
    return [folder.parent / "new/a.jpg"]


def decathlon(folder: Path) -> list[Path]:
    """Volumes of three classes with a dataset.json."""
    return write_decathlon(folder, ["MRI"], ["background", "anterior", "posterior"], save_volume)


def channels_in_one_file(folder: Path) -> list[Path]:
    """NIfTI-2 with two channels along the fourth axis, in the Decathlon's folders."""
    return write_decathlon(folder, ["FLAIR", "T1w"], ["background", "tumor"], save_channels)


def write_decathlon(
    folder: Path, channels: list[str], classes: list[str], save: Callable[[Path, np.ndarray], None]
) -> list[Path]:
    training = []
    for index in range(CASES):
        image, label = drawn((20, 18, 16), index, len(classes))
        names = {"image": f"./imagesTr/case_{index}.nii.gz", "label": f"./labelsTr/case_{index}.nii.gz"}
        save(folder / names["image"], image)
        save_volume(folder / names["label"], label)
        training.append(names)
    content = {
        "modality": {str(place): name for place, name in enumerate(channels)},
        "labels": {str(value): name for value, name in enumerate(classes)},
        "numTraining": CASES,
        "training": training,
        "test": [],
    }
    (folder / "dataset.json").write_text(json.dumps(content))
    save(folder.parent / "new/a.nii.gz", drawn((22, 17, 16), 99, len(classes))[0])
    return [folder.parent / "new/a.nii.gz"]


def nnunet(folder: Path) -> list[Path]:
    """Volumes of two channels, a file for each, with an ignore label."""
    for index in range(CASES):
        image, label = drawn((20, 18, 16), index, 2)
        for channel, values in enumerate((image, 200 - image)):
            save_volume(folder / f"imagesTr/case_{index}_{channel:04d}.nii.gz", values)
        label[:3] = 2
        save_volume(folder / f"labelsTr/case_{index}.nii.gz", label)
    content = {
        "channel_names": {"0": "T1", "1": "T2"},
        "labels": {"background": 0, "lesion": 1, "ignore": 2},
        "numTraining": CASES,
        "file_ending": ".nii.gz",
    }
    (folder / "dataset.json").write_text(json.dumps(content))
    new = drawn((20, 18, 16), 99, 2)[0]
    paths = [folder.parent / f"new/a_{channel:04d}.nii.gz" for channel in range(2)]
    for path, values in zip(paths, (new, 200 - new), strict=True):
        save_volume(path, values)
    return paths


def datalist(folder: Path) -> list[Path]:
    """NRRD with thick slices along the first axis, listed with folds."""
    training = []
    for index in range(CASES):
        image, label = drawn((4, 32, 30), index, 2)
        for name, values in (("image", image.astype(np.float32)), ("label", label * 7)):
            (folder / name).mkdir(parents=True, exist_ok=True)
            volume = sitk.GetImageFromArray(values.T)  # SimpleITK indexes (z, y, x)
            volume.SetSpacing((5.0, 1.0, 1.0))
            sitk.WriteImage(volume, str(folder / f"{name}/{index}.nrrd"))
        training.append({"image": f"image/{index}.nrrd", "label": f"label/{index}.nrrd", "fold": index % 3})
    (folder / "datalist.json").write_text(json.dumps({"training": training}))
    volume = sitk.GetImageFromArray(drawn((5, 30, 32), 99, 2)[0].astype(np.float32).T)
    volume.SetSpacing((5.0, 1.0, 1.0))
    (folder.parent / "new").mkdir()
    sitk.WriteImage(volume, str(folder.parent / "new/a.nrrd"))
    return [folder.parent / "new/a.nrrd"]


def indexed_colors(folder: Path) -> list[Path]:
    """Color PNG in nnU-Net's folders, with masks of class indices, which look black."""
    for index in range(CASES):
        image, label = drawn((32, 32), index, 3)
        save_picture(folder / f"imagesTr/case_{index}_0000.png", np.stack([image, image[::-1], 200 - image], -1))
        save_picture(folder / f"labelsTr/case_{index}.png", label)
    content = {
        "channel_names": {"0": "R", "1": "G", "2": "B"},
        "labels": {"background": 0, "gland": 1, "vessel": 2},
        "numTraining": CASES,
        "file_ending": ".png",
    }
    (folder / "dataset.json").write_text(json.dumps(content))
    new = drawn((30, 34), 99, 3)[0]
    save_picture(folder.parent / "new/a.png", np.stack([new, new[::-1], 200 - new], -1))
    return [folder.parent / "new/a.png"]


def listed_annotators(folder: Path) -> list[Path]:
    """BMP in a datalist, with two annotators, of whom each left cases out, and sections."""
    lists: dict[str, list[dict[str, Any]]] = {"training": [], "validation": []}
    for index in range(CASES):
        image, label = drawn((32, 28), index, 2)
        save_picture(folder / f"{index}.bmp", image)
        drawings = {}
        for name, mask in (("first", label), ("second", np.roll(label, 1, 0))):
            if index != len(name) - 5:  # 0 and 1
                save_picture(folder / f"{name}_{index}.bmp", mask * 255)
                drawings[name] = f"{name}_{index}.bmp"
        lists["training" if index < 4 else "validation"].append({"image": f"{index}.bmp", "annotators": drawings})
    (folder / "cases.json").write_text(json.dumps(lists))
    save_picture(folder.parent / "new/a.bmp", drawn((32, 28), 99, 2)[0])
    return [folder.parent / "new/a.bmp"]


def color_table(folder: Path) -> list[Path]:
    """Gray JPEG with masks in colors, as drawing programs save them, and a color of what was not labeled."""
    colors = np.array([(0, 0, 0), (255, 0, 0), (0, 128, 255), (255, 255, 255)])
    for index in range(CASES):
        image, label = drawn((32, 32), index, 3)
        label[:4] = 3
        save_picture(folder / f"images/case_{index}.jpg", image)
        save_picture(folder / f"labels/case_{index}.png", colors[label])
    save_picture(folder.parent / "new/a.jpg", drawn((32, 32), 99, 3)[0])
    return [folder.parent / "new/a.jpg"]


def save_channels(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti2Image(np.stack([array, 200 - array], -1).astype(np.float32), AFFINE), path)


def unlabeled_slices(folder: Path) -> list[Path]:
    """MGZ with a folder for each of three annotators, who labeled every slice but the last two."""
    for index in range(CASES):
        image, label = drawn((18, 18, 16), index, 2)
        save_freesurfer(folder / f"images/case_{index}.mgz", image.astype(np.float32))
        for shift, name in enumerate(("AR", "HS", "SG")):
            mask = np.roll(label, shift, 0)
            mask[..., -2:] = 9
            save_freesurfer(folder / f"{name}/case_{index}.mgz", mask)
    save_freesurfer(folder.parent / "new/a.mgz", drawn((18, 18, 16), 99, 2)[0].astype(np.float32))
    return [folder.parent / "new/a.mgz"]


def save_freesurfer(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.freesurfer.MGHImage(array, AFFINE), path)


def pairs_of_files(folder: Path) -> list[Path]:
    """Pairs of .hdr and .img with three classes by index."""
    for index in range(CASES):
        image, label = drawn((20, 18, 16), index, 3)
        for name, values in (("images", image.astype(np.float32)), ("labels", label)):
            (folder / name).mkdir(exist_ok=True)
            nib.save(nib.Nifti1Pair(values, AFFINE), folder / f"{name}/case_{index}.hdr")
    (folder.parent / "new").mkdir()
    nib.save(nib.Nifti1Pair(drawn((20, 18, 16), 99, 3)[0].astype(np.float32), AFFINE), folder.parent / "new/a.hdr")
    return [folder.parent / "new/a.hdr"]


def listed_volumes(folder: Path) -> list[Path]:
    """MetaImage with a list of test cases, and names of the classes."""
    lists: dict[str, list[dict[str, str]]] = {"training": [], "testing": []}
    for index in range(CASES):
        image, label = drawn((18, 18, 16), index, 3)
        for name, values in (("image", image.astype(np.float32)), ("label", label)):
            (folder / name).mkdir(parents=True, exist_ok=True)
            sitk.WriteImage(sitk.GetImageFromArray(values.T), str(folder / f"{name}/{index}.mha"))
        entry = {"image": f"image/{index}.mha", "label": f"label/{index}.mha"}
        lists["training" if index < 4 else "testing"].append(entry)
    names = {"labels": {"0": "background", "1": "cyst", "2": "kidney"}}
    (folder / "dataset.json").write_text(json.dumps(names | lists))
    (folder.parent / "new").mkdir()
    new = sitk.GetImageFromArray(drawn((18, 18, 16), 99, 3)[0].astype(np.float32).T)
    sitk.WriteImage(new, str(folder.parent / "new/a.mha"))
    return [folder.parent / "new/a.mha"]


def bids_classes(folder: Path) -> list[Path]:
    """Derivatives with three classes and their table of names; two sessions of each participant."""
    for index in range(CASES):
        image, label = drawn((18, 18, 16), index, 3)
        place = f"sub-{index // 2:02d}/ses-{index % 2}/anat/sub-{index // 2:02d}_ses-{index % 2}"
        save_volume(folder / f"{place}_T2w.nii.gz", image)
        save_volume(folder / f"derivatives/manual/{place}_dseg.nii.gz", label)
    (folder / "derivatives/manual/dseg.tsv").write_text("index\tname\n0\tbackground\n1\tcortex\n2\tventricle\n")
    (folder / "dataset_description.json").write_text(json.dumps({"Name": "a", "BIDSVersion": "1.9.0"}))
    save_volume(folder.parent / "new/a.nii.gz", drawn((18, 18, 16), 99, 3)[0])
    return [folder.parent / "new/a.nii.gz"]


def bids(folder: Path) -> list[Path]:
    """Derivatives of two annotators, of whom the second left cases out."""
    for index in range(CASES):
        image, label = drawn((18, 18, 16), index, 2)
        stem = f"sub-{index:02d}/anat/sub-{index:02d}"
        save_volume(folder / f"{stem}_T1w.nii.gz", image)
        save_volume(folder / f"derivatives/manual/{stem}_desc-AR_dseg.nii.gz", label)
        if index % 2:
            save_volume(folder / f"derivatives/manual/{stem}_desc-HS_dseg.nii.gz", np.roll(label, 1, 0))
    (folder / "dataset_description.json").write_text(json.dumps({"Name": "a", "BIDSVersion": "1.9.0"}))
    save_volume(folder.parent / "new/a.nii.gz", drawn((18, 18, 16), 99, 2)[0])
    return [folder.parent / "new/a.nii.gz"]


def name_endings(folder: Path) -> list[Path]:
    """Fundus photographs with the masks of two observers beside them, as CHASEDB1 distributes them."""
    for index in range(CASES):
        image, label = drawn((32, 32), index, 2)
        save_picture(folder / f"Image_{index:02d}L.jpg", np.stack([image, image / 2, image / 4], -1))
        for observer, mask in (("1stHO", label), ("2ndHO", np.roll(label, 1, 0))):
            Image.fromarray(mask.astype(bool)).save(folder / f"Image_{index:02d}L_{observer}.png")
    new = drawn((32, 32), 99, 2)[0]
    save_picture(folder.parent / "new/a.jpg", np.stack([new, new / 2, new / 4], -1))
    return [folder.parent / "new/a.jpg"]


def annotator_folders(folder: Path) -> list[Path]:
    """TIFF with a folder for each of three annotators, who use values of their own and leave cases out."""
    for index in range(CASES):
        image, label = drawn((32, 28), index, 2)
        save_picture(folder / f"images/case_{index}.tif", image)
        for name, value in (("AR", 255), ("HS", 1), ("SG", 2)):
            if name != "SG" or index != 1:
                save_picture(folder / f"{name}/case_{index}.tif", np.roll(label, value % 3 - 1, 1) * value)
    save_picture(folder.parent / "new/a.tif", drawn((32, 28), 99, 2)[0])
    return [folder.parent / "new/a.tif"]


COLORS = (
    ("class_colors", {"background": "#000000", "gland": "#ff0000", "vessel": "#0080ff"}),
    ("ignore_value", "#ffffff"),
)
KINDS = (
    Kind("gray pictures, masks of 0 and 255 (PNG)", "plain", 2, two_folders, 2),
    Kind("color pictures, three classes by palette (JPEG, PNG)", "plain", 3, palettes, 2),
    Kind("volumes, three classes (NIfTI)", "msd", 3, decathlon, 3),
    Kind("volumes of two channels with an ignore label (NIfTI)", "nnunet", 2, nnunet, 3),
    Kind("volumes of thick slices along the first axis (NRRD)", "datalist", 2, datalist, 3, options=(("fold", 0),)),
    Kind("volumes of two annotators, one of whom left cases out (NIfTI)", "bids", 2, bids, 3, 2),
    Kind("photographs of two annotators by name ending (JPEG, 1-bit PNG)", "plain", 2, name_endings, 2, 2),
    Kind("pictures of three annotators with values of their own (TIFF)", "plain", 2, annotator_folders, 2, 3),
    Kind("color pictures, three classes by index (PNG)", "nnunet", 3, indexed_colors, 2),
    Kind("pictures of two annotators, each of whom left a case out (BMP)", "datalist", 2, listed_annotators, 2, 2),
    Kind(
        "pictures, three classes by color and a color of what was not labeled (JPEG, PNG)",
        "plain",
        3,
        color_table,
        2,
        options=COLORS,
    ),
    Kind("volumes of two channels in one file (4-D NIfTI-2)", "msd", 2, channels_in_one_file, 3),
    Kind(
        "volumes of three annotators with slices that nobody labeled (MGZ)",
        "plain",
        2,
        unlabeled_slices,
        3,
        3,
        (("ignore_value", 9),),
    ),
    Kind("volumes, three classes (.hdr and .img)", "plain", 3, pairs_of_files, 3),
    Kind("volumes, three classes, with test cases (MetaImage)", "datalist", 3, listed_volumes, 3),
    Kind("volumes, three classes by a table of names, two sessions (NIfTI)", "bids", 3, bids_classes, 3),
)


def write_squares(folder: Path, ending: str = "") -> Path:
    """Writes six gray pictures of a bright rectangle and their masks, called ``case0<ending>.png`` and so on."""
    draw = np.random.default_rng(0)
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for index in range(6):
        mask = np.zeros((32, 32), bool)
        mask[8:20, 6 + index : 20 + index] = True
        image = draw.normal(60 + 120 * mask, 10).clip(0, 255).astype(np.uint8)
        Image.fromarray(image).save(folder / f"images/case{index}.png")
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / f"masks/case{index}{ending}.png")
    return folder
