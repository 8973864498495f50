"""Labels, masks and channels whose files store the axes in another order or direction than the image's."""

from __future__ import annotations

import itertools
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform

from common.checking.collect import CaseFiles, read_case
from common.checking.examine import examine_case
from common.consensus.one_case import Settings, fuse_case
from common.consensus.sources import FusionCase
from common.datasets import read_dataset
from common.datasets.fingerprint import take_fingerprint
from common.datasets.plan_rules import make_plan
from common.datasets.stages import reading
from common.errors import InputError
from common.fuse import fuse
from common.io import LabelMeaning, read_image, read_label, reoriented
from common.measure import measure_case

SIZE = (5, 4, 3)
LETTERS = [
    "".join(letters) for axes in itertools.permutations(("RL", "AP", "SI")) for letters in itertools.product(*axes)
]


def oblique() -> np.ndarray:
    """Voxels of 1, 1.5 and 3 mm, turned by 20° about one axis: no axis of the body is one of the image."""
    cosine, sine = np.cos(np.radians(20)), np.sin(np.radians(20))
    affine = np.array([[cosine, -sine, 0, -7], [sine, cosine, 0, 12], [0, 0, 1, 30], [0, 0, 0, 1]])
    return affine @ np.diag([1.0, 1.5, 3.0, 1.0])


def stored_as(values: np.ndarray, affine: np.ndarray, letters: str) -> nib.Nifti1Image:
    """The same voxels at the same places, with axes in these directions."""
    image = nib.Nifti1Image(values, affine)
    return image.as_reoriented(ornt_transform(io_orientation(affine), axcodes2ornt(letters)))


def as_tensor(image: nib.Nifti1Image) -> MetaTensor:
    return MetaTensor(torch.from_numpy(np.array(image.dataobj))[None], affine=torch.from_numpy(image.affine))


def places(volume: MetaTensor) -> dict[tuple[float, ...], float]:
    """Each voxel's place in the world, and its value."""
    affine, values = volume.affine.numpy(), volume[0].numpy()
    return {
        tuple(np.round(affine @ (*index, 1), 3)[:3].tolist()): float(values[index])
        for index in itertools.product(*map(range, values.shape))
    }


@pytest.fixture
def values() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 3, SIZE).astype(np.uint8)


@pytest.mark.parametrize("letters", LETTERS)
def test_every_voxel_stays_at_its_place(letters: str, values: np.ndarray) -> None:
    image, label = (
        MetaTensor(torch.zeros(2, *SIZE), affine=torch.from_numpy(oblique())),
        as_tensor(stored_as(values, oblique(), letters)),
    )
    found = reoriented(label, image)
    assert torch.equal(found.as_tensor()[0], torch.from_numpy(values))
    np.testing.assert_allclose(found.affine, oblique(), atol=1e-9)
    assert places(found) == places(label)
    assert found.meta.get("reoriented") == (None if letters == "RAS" else (letters, "RAS"))
    assert (found is label) == (letters == "RAS")


def test_what_lies_elsewhere_stays_as_it_is(values: np.ndarray) -> None:
    image = MetaTensor(torch.zeros(1, *SIZE), affine=torch.from_numpy(oblique()))
    label = as_tensor(stored_as(values, oblique(), "LPS"))
    moved, finer, flat = (MetaTensor(label.as_tensor(), affine=label.affine.clone()) for _ in range(3))
    moved.affine[0, 3] += 1.0
    finer.affine[:3, :3] /= 2
    flat.affine[:, 0] = 0
    smaller = MetaTensor(label.as_tensor()[..., 1:], affine=label.affine)
    picture = MetaTensor(torch.zeros(1, 4, 5))
    for other in (moved, finer, flat, smaller):
        assert reoriented(other, image) is other
    assert reoriented(picture, MetaTensor(torch.zeros(1, 5, 4))) is picture
    plain = torch.zeros(1, 3, 4, 5)
    assert reoriented(plain, image) is plain and reoriented(label, torch.zeros(1, *SIZE)) is label


@pytest.mark.parametrize("uncertain", ["image", "label"])
@pytest.mark.parametrize("kind", ["no form", "two forms", "pair"])
def test_a_file_that_does_not_say_where_it_lies_is_not_turned(
    kind: str, uncertain: str, values: np.ndarray, tmp_path: Path
) -> None:
    """Sides would be guessed: of a volume around 0 mm left and right exchanged fit as well as as they are stored."""
    affine = np.diag([1.0, 1.0, 1.0, 1.0])
    affine[:3, 3] = -(np.array(SIZE) - 1) / 2
    paths = {name: tmp_path / f"{name}.nii" for name in ("image", "label")}
    paths[uncertain] = paths[uncertain].with_suffix(".img" if kind == "pair" else ".nii")
    for name, path in paths.items():
        from_right = (name == "image") == ((kind, uncertain) == ("no form", "image"))  # nibabel's guess is LAS
        file = stored_as(values, affine, "LAS" if from_right else "RAS")
        if kind != "pair" and name == uncertain:
            own = file.affine.copy()
            file.set_sform(own, code=0 if kind == "no form" else 1)
            file.set_qform(own @ np.diag([-1, -1, 1, 1]) if kind == "two forms" else own, code=int(kind != "no form"))
        nib.save(nib.Nifti1Pair(values, file.affine) if path.suffix == ".img" else file, path)
    image, label = (read_image(paths[name]) for name in ("image", "label"))
    assert reoriented(label, image) is label


def test_labels_and_channels_are_read_onto_the_grid_of_the_image(values: np.ndarray, tmp_path: Path) -> None:
    paths = {}
    for letters in ("RAS", "LPS", "SPL"):
        paths[letters] = tmp_path / f"{letters}.nii.gz"
        nib.save(stored_as(values, oblique(), letters), paths[letters])
    image = read_image(paths["RAS"])
    label = read_label(paths["LPS"], LabelMeaning({0: 0, 1: 1, 2: 2}), image)
    assert torch.equal(label.as_tensor(), image.as_tensor())
    channels = read_image([paths["LPS"], paths["SPL"], paths["RAS"]])
    assert all(torch.equal(channel, channels[0]) for channel in channels.as_tensor())
    assert torch.equal(channels.affine, read_image(paths["LPS"]).affine)
    other = tmp_path / "other.nii.gz"
    nib.save(nib.Nifti1Image(values, np.eye(4)), other)
    with pytest.raises(InputError, match=r"other\.nii\.gz: its affine puts it"):
        read_label(other, LabelMeaning({0: 0, 1: 1, 2: 2}), image)


def test_a_mask_is_measured_where_it_lies(values: np.ndarray) -> None:
    label = as_tensor(stored_as(values, oblique(), "RAS")).float()
    other = values.copy()
    other[0] = 0
    straight = measure_case(as_tensor(stored_as(other, oblique(), "RAS")).float(), label, ["background", "a", "b"])
    assert straight["dice_a"] < 1
    assert (
        measure_case(as_tensor(stored_as(other, oblique(), "ILP")).float(), label, ["background", "a", "b"]) == straight
    )


def test_annotators_are_fused_on_the_grid_of_the_first(values: np.ndarray, tmp_path: Path) -> None:
    for number, letters in enumerate(("RAS", "LPS", "SAR")):
        nib.save(stored_as(values, oblique(), letters), tmp_path / f"{number}.nii.gz")
    fuse([str(tmp_path / f"{number}.nii.gz") for number in range(3)], str(tmp_path / "out.nii.gz"), "majority")
    assert np.array_equal(np.asarray(nib.load(tmp_path / "out.nii.gz").dataobj), values)


def test_a_consensus_lies_where_its_first_file_does(values: np.ndarray, tmp_path: Path) -> None:
    """Also where the case names its annotators in another order than the data set."""
    labels = {}
    for name, letters in {"zoe": "SAR", "anna": "LPS"}.items():
        labels[name] = str(tmp_path / f"{name}.nii.gz")
        nib.save(stored_as(values, oblique(), letters), labels[name])
    meaning = LabelMeaning({0: 0, 1: 1, 2: 2}).to_json()
    settings = Settings(
        str(tmp_path / "out"), "majority", "all", {}, ("anna", "zoe"), dict.fromkeys(labels, meaning), (0, 1, 2),
        ("air", "a", "b"),
    )  # fmt: skip
    fuse_case(FusionCase("case", labels), settings)
    (written,) = (tmp_path / "out").rglob("case*.nii.gz")
    assert places(as_tensor(nib.load(written))) == places(as_tensor(stored_as(values, oblique(), "RAS")))


def test_a_data_set_trains_on_the_same_and_says_so(tmp_path: Path) -> None:
    """Images from the right to the left, labels of two annotators in other directions, as two programs write them."""
    rng = np.random.default_rng(0)
    for case in range(3):
        label = np.zeros((8, 7, 6), np.uint8)
        label[2 : 5 + case, 2:5, 1:4] = 1
        image = rng.normal(size=label.shape).astype(np.float32) + 4 * label
        for folder, array, letters in (
            ("images", image, "LPS"),
            ("labels/anna", label, "RAS"),
            ("labels/bert", label, "SAL"),
        ):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
            nib.save(stored_as(array, oblique(), letters), tmp_path / folder / f"case{case}.nii.gz")
    dataset = read_dataset(str(tmp_path))
    fingerprint = take_fingerprint(dataset.items)
    plan = make_plan(dataset, fingerprint)
    assert fingerprint.reoriented == {("RAS", "LPS"): 3}
    assert "The axes of labels are stored as RAS and those of their images as LPS in 3 of 3 cases" in "\n".join(
        plan.notes
    )
    item = dataset.items[0]
    (load,) = reading(plan)
    loaded = load(item)
    inside = loaded["image"][0][loaded["annotators"][0] == 1]
    assert torch.equal(loaded["annotators"][0], loaded["annotators"][1]) and float(inside.mean()) > 3
    case = CaseFiles("training", item["case"], (item["image"],), {}, dict(item["annotators"]))
    record = examine_case(case, plan)
    assert [(finding.kind, finding.unusable) for finding in record.findings] == [("orientation", False)] * 2
    assert record.findings[0].message == "its axes are stored as RAS, those of the image as LPS"
    assert list(record.agreement.values()) == [1.0]
    assert all(label.shape == loaded["image"].shape for label in read_case(case, plan).annotators.values())
