"""Masks and volumes from probability maps that a user already has."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
import tifffile
import torch
from PIL import Image
from warm_python import WarmPython

from common.decision import dice_optimal_partition, dice_optimal_segmentation, dice_optimal_threshold
from common.errors import InputError
from common.io.files import read_csv
from common.noise import gaussian_marginal
from common.threshold import threshold

AFFINE = np.array([[0.0, -1.5, 0, 10], [2.0, 0, 0, -7], [0, 0, 2.5, 3], [0, 0, 0, 1]])
VOXEL_MM3 = 1.5 * 2.0 * 2.5


def organ(*spatial: int, channels: int = 1) -> np.ndarray:
    """The marginal of boxes of different width, with the channels last if there are several."""
    label = torch.zeros(1, channels, *spatial)
    for channel in range(channels):
        inside = (slice(size // 2 - 2, size // 2 + 1 + channel) for size in spatial)
        label[(0, channel, *inside)] = 1
    marginal = gaussian_marginal(label, 0.08)[0].movedim(0, -1).numpy()
    return marginal if channels > 1 else marginal[..., 0]


def classes(*spatial: int) -> np.ndarray:
    """Background and two boxes side by side, the channels last."""
    label = torch.zeros(1, 2, *spatial)
    label[:, 0, 4:8, 4:8, 3:7] = 1
    label[:, 1, 8:11, 4:8, 3:7] = 1
    marginals = gaussian_marginal(label, 0.08)[0]
    return torch.cat([1 - marginals.sum(0, keepdim=True), marginals]).movedim(0, -1).numpy()


def save(path: Path, array: np.ndarray) -> Path:
    image = nib.Nifti1Image(array, AFFINE)
    image.set_qform(AFFINE, code=1)
    nib.save(image, path)
    return path


def test_mask_volumes_and_geometry_of_a_map(tmp_path: Path):
    probabilities = organ(16, 12, 10)
    source = save(tmp_path / "liver.nii.gz", probabilities)
    threshold(str(source), str(tmp_path / "masks"))

    saved = nib.Nifti1Image.from_filename(tmp_path / "masks/liver_mask.nii.gz")
    mask = np.asarray(saved.dataobj)
    marginal = torch.from_numpy(probabilities)[None, None]
    np.testing.assert_array_equal(mask, dice_optimal_segmentation(marginal)[0, 0].numpy())
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(saved.affine, AFFINE)
    assert (saved.header["qform_code"], saved.header["sform_code"]) == (1, 2)

    (row,) = read_csv(tmp_path / "masks/summary.csv")
    found, expected_dice = dice_optimal_threshold(marginal)
    assert row["case"] == "liver"
    assert float(row["threshold"]) == pytest.approx(found.item(), abs=1e-6)
    assert float(row["expected_dice"]) == pytest.approx(expected_dice.item(), abs=1e-6)
    assert float(row["volume_mm3"]) == pytest.approx(mask.sum() * VOXEL_MM3)
    assert float(row["volume_at_half_mm3"]) == pytest.approx((probabilities >= 0.5).sum() * VOXEL_MM3)
    assert float(row["volume_mm3"]) > float(row["volume_at_half_mm3"])


def test_a_folder_of_maps_of_all_kinds(tmp_path: Path):
    folder = tmp_path / "maps"
    folder.mkdir()
    save(folder / "plane.nii", organ(16, 12))
    save(folder / "classes.nii.gz", classes(16, 12, 10))
    save(folder / "empty.nii.gz", np.zeros((4, 4, 4), np.float32))
    scaled = nib.Nifti1Image(organ(16, 12, 10).astype(np.float64), AFFINE)
    scaled.set_data_dtype(np.uint16)  # stored as integers with a slope
    nib.save(scaled, folder / "scaled.nii.gz")
    (folder / "notes.txt").write_text("not a map")
    for name in ("plane_mask", "plane_entropy"):  # of a bundle, whose values may be those of probabilities
        save(folder / f"{name}.nii", organ(16, 12))
    threshold(str(folder), str(tmp_path / "masks"))

    rows = {(row["case"], row["class"]): row for row in read_csv(tmp_path / "masks/summary.csv")}
    assert list(rows) == [("classes", "1"), ("classes", "2"), ("empty", "1"), ("plane", "1"), ("scaled", "1")]
    assert (rows["empty", "1"]["threshold"], float(rows["empty", "1"]["volume_mm3"])) == ("0.5", 0)
    saved = np.asarray(nib.Nifti1Image.from_filename(tmp_path / "masks/classes_mask.nii.gz").dataobj)
    assert saved.shape == (16, 12, 10), "one class map, no mask of the background"
    expected, thresholds = dice_optimal_partition(torch.from_numpy(classes(16, 12, 10)).movedim(-1, 0)[None])
    np.testing.assert_array_equal(saved, expected[0, 0].numpy())
    for k in (1, 2):
        row = rows["classes", str(k)]
        assert float(row["threshold"]) == pytest.approx(thresholds[0, k - 1].item(), abs=1e-6)
        assert float(row["volume_mm3"]) == pytest.approx((saved == k).sum() * VOXEL_MM3)
        assert float(row["volume_mm3"]) > float(row["volume_at_half_mm3"]) > 0
    assert nib.Nifti1Image.from_filename(tmp_path / "masks/plane_mask.nii.gz").shape == (16, 12)
    assert sorted(path.name for path in (tmp_path / "masks").iterdir()) == [
        *(f"{case}_mask.nii.gz" for case in ("classes", "empty", "plane", "scaled")),
        "summary.csv",
    ]


def test_a_segmentation_of_slicer_is_no_map(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """As `inferring --output_format seg.nrrd` writes it beside the maps."""
    folder = tmp_path / "maps"
    folder.mkdir()
    save(folder / "a_probabilities.nii.gz", organ(6, 6, 6))
    empty = sitk.GetImageFromArray(np.zeros((6, 6, 6), np.uint8))
    sitk.WriteImage(empty, folder / "a_mask.seg.nrrd")
    threshold(str(folder), str(tmp_path / "masks"))
    assert [row["case"] for row in read_csv(tmp_path / "masks/summary.csv")] == ["a"]
    said = capsys.readouterr()
    assert "1 file left out, whose names end with _mask, _instances, _entropy or which 3D Slicer" in said.out + said.err
    with pytest.raises(InputError, match=r"a_mask\.seg\.nrrd: expected a probability map, got a segmentation of 3D"):
        threshold(str(folder / "a_mask.seg.nrrd"), str(tmp_path / "others"))


def test_maps_in_subfolders_are_cases_of_theirs(tmp_path: Path):
    """As `inferring` writes them; what is hidden and what the tool itself wrote is no map."""
    folder, whole = tmp_path / "maps", classes(16, 12, 10)
    for name in ("s_probability_1/x_probability_a", "s_probability_1/x_probability_b", "s2/x", "x", ".old/y", ".y"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        save(folder / f"{name}.nii.gz", whole[..., 1 + name.endswith("_b")] if "_probability_" in name else whole)
    (folder / "missing.nii.gz").symlink_to(tmp_path / "nowhere.nii.gz")
    for _ in range(2):  # the second time with the masks of the first below the maps
        with pytest.raises(InputError, match=r"1 of 4 maps could not be used: .+maps/missing.nii.gz .*no such file"):
            threshold(str(folder), str(folder / "masks"), class_names="background,a,b")
        rows = read_csv(folder / "masks/summary.csv")
        assert {row["case"] for row in rows} == {"s2/x", "s_probability_1/x", "x"}
        written = sorted(path.relative_to(folder / "masks").as_posix() for path in (folder / "masks").rglob("*.nii.gz"))
        assert written == ["s2/x_mask.nii.gz", "s_probability_1/x_mask.nii.gz", "x_mask.nii.gz"]
    mask = np.asarray(nib.Nifti1Image.from_filename(folder / "masks/s_probability_1/x_mask.nii.gz").dataobj)
    expected, _ = dice_optimal_partition(torch.from_numpy(whole).movedim(-1, 0)[None])
    np.testing.assert_array_equal(mask, expected[0, 0].numpy())
    for output, first in ((folder, "missing"), (folder / "s2", "s2/x")):
        with pytest.raises(InputError, match=rf"output: expected another folder than that of {folder}/{first}.nii.gz"):
            threshold(str(folder), str(output))


def test_cases_have_the_names_that_inference_gave_them(tmp_path: Path):
    names = ("a_probabilities", "b_probability", "c_marginal", "d", "sub/_marginal")
    for name in names:
        (tmp_path / "maps" / name).parent.mkdir(parents=True, exist_ok=True)
        save(tmp_path / f"maps/{name}.nii.gz", organ(5, 5, 5))
    threshold(str(tmp_path / "maps"), str(tmp_path / "masks"))
    assert [row["case"] for row in read_csv(tmp_path / "masks/summary.csv")] == ["a", "b", "c", "d", "sub/_marginal"]
    assert (tmp_path / "masks/a_mask.nii.gz").is_file()
    save(tmp_path / "maps/a.nii.gz", organ(5, 5, 5))
    with pytest.raises(InputError, match=r"expected one map named a, got .*; their masks would collide"):
        threshold(str(tmp_path / "maps"), str(tmp_path / "others"))


def test_a_class_may_have_a_name_that_ends_maps(tmp_path: Path):
    for name, array in zip(("core", "left_marginal"), np.moveaxis(organ(5, 5, 5, channels=2), -1, 0) / 2, strict=True):
        (tmp_path / "maps").mkdir(exist_ok=True)
        save(tmp_path / f"maps/a_probability_{name}.nii.gz", array)
    threshold(str(tmp_path / "maps"), str(tmp_path / "masks"), class_names="background,core,left_marginal")
    rows = read_csv(tmp_path / "masks/summary.csv")
    assert [(row["case"], row["class"]) for row in rows] == [("a", "core"), ("a", "left_marginal")]


def test_structures_that_may_overlap_are_asked_for(tmp_path: Path):
    source = save(tmp_path / "organs.nii.gz", organ(16, 12, 10, channels=3))
    with pytest.raises(InputError, match=r"sum to 1.*--overlapping True"):
        threshold(str(source), str(tmp_path / "masks"))
    assert not (tmp_path / "masks").exists()
    threshold(str(source), str(tmp_path / "masks"), overlapping=True)
    organs = np.asarray(nib.Nifti1Image.from_filename(tmp_path / "masks/organs_mask.nii.gz").dataobj)
    expected = dice_optimal_segmentation(torch.from_numpy(organ(16, 12, 10, channels=3)).movedim(-1, 0)[None])[0]
    np.testing.assert_array_equal(organs, expected.movedim(0, -1).numpy())
    rows = read_csv(tmp_path / "masks/summary.csv")
    assert [row["class"] for row in rows] == ["1", "2", "3"]
    assert len({row["threshold"] for row in rows}) == 3
    for k, row in enumerate(rows):
        assert float(row["volume_mm3"]) == pytest.approx(organs[..., k].sum() * VOXEL_MM3)


def test_a_background_that_the_largest_leaves_is_no_structure(tmp_path: Path):
    """As soft_label_apl writes it: structures on their own, and the class map is that of classes."""
    structures = torch.tensor([[0.9, 0.6, 0.4, 0.0], [0.8, 0.1, 0.0, 0.0]])  # the first voxel sums to 1.8
    maps = torch.cat([1 - structures.amax(0, keepdim=True), structures])
    save(tmp_path / "x_probabilities.nii.gz", maps.T.reshape(4, 1, 1, 3).numpy())
    threshold(str(tmp_path / "x_probabilities.nii.gz"), str(tmp_path / "masks"), class_names="rest,femur,tibia")
    mask = np.asarray(nib.Nifti1Image.from_filename(tmp_path / "masks/x_mask.nii.gz").dataobj)
    femur, tibia = read_csv(tmp_path / "masks/summary.csv")
    # Dice to expect of the k largest: 2 · 0.9/2.9, 2 · 1.5/3.9, 2 · 1.9/4.9 of the femur; 2 · 0.8/1.9, 2 · 0.9/2.9
    assert (femur["class"], float(femur["threshold"])) == ("femur", pytest.approx(1.9 / 4.9, abs=1e-6))
    assert (tibia["class"], float(tibia["threshold"])) == ("tibia", pytest.approx(0.8 / 1.9, abs=1e-6))
    assert mask.ravel().tolist() == [1, 1, 1, 0]  # 0.9 / 0.388 is more than 0.8 / 0.421
    assert [float(row["volume_at_half_mm3"]) / VOXEL_MM3 for row in (femur, tibia)] == [2, 0]


def test_a_file_for_each_class_gives_one_class_map(tmp_path: Path):
    """As T-Loss writes them; the same as of one file with all classes, with or without a file of the background."""
    folder, whole = tmp_path / "maps", classes(16, 12, 10)
    folder.mkdir()
    save(folder / "one_probabilities.nii.gz", whole)
    for k, name in enumerate(("background", "b", "a")):  # the order is not that of the alphabet
        save(folder / f"all_probability_{name}.nii.gz", whole[..., k])
        if k:
            save(folder / f"rest_probability_{name}.nii.gz", whole[..., k])
    with pytest.raises(InputError, match=r"all: expected --class_names.*order of its maps a, b, background, got none"):
        threshold(str(folder), str(tmp_path / "masks"))
    assert not (tmp_path / "masks").exists()
    with pytest.raises(InputError, match=r"one_probabilities.*expected the 4 classes of --class_names, got 3\)"):
        threshold(str(folder / "one_probabilities.nii.gz"), str(tmp_path / "masks"), class_names="background,b,a,c")
    threshold(str(folder), str(tmp_path / "masks"), class_names="background,b,a")
    assert sorted(path.name for path in (tmp_path / "masks").glob("*.nii.gz")) == [
        f"{case}_mask.nii.gz" for case in ("all", "one", "rest")
    ]
    one, *others = (
        np.asarray(nib.Nifti1Image.from_filename(tmp_path / f"masks/{case}_mask.nii.gz").dataobj)
        for case in ("one", "all", "rest")
    )
    assert set(np.unique(one)) == {0, 1, 2}
    for other in others:
        np.testing.assert_array_equal(one, other)
    rows = {(row["case"], row["class"]): row["threshold"] for row in read_csv(tmp_path / "masks/summary.csv")}
    assert list(rows) == [(case, name) for case in ("all", "one", "rest") for name in ("b", "a")]
    assert rows["all", "b"] == rows["one", "b"] != rows["all", "a"]
    threshold(str(folder), str(tmp_path / "each"), overlapping=True)
    assert len(list((tmp_path / "each").glob("*_probability_*_mask.nii.gz"))) == 5


def test_one_map_is_that_of_the_second_of_two_classes(tmp_path: Path):
    source = str(save(tmp_path / "x.nii.gz", organ(16, 12, 10)))
    with pytest.raises(InputError, match=r"expected the 3 classes of --class_names, got 1\)"):
        threshold(source, str(tmp_path / "masks"), class_names="rest,liver,spleen")
    threshold(source, str(tmp_path / "masks"), class_names="rest,liver")
    assert [row["class"] for row in read_csv(tmp_path / "masks/summary.csv")] == ["liver"]


def test_two_classes_have_one_order_and_files_of_one_case_one_grid(tmp_path: Path):
    folder, whole = tmp_path / "maps", organ(16, 12, 10)
    folder.mkdir()
    save(folder / "x_probability_background.nii.gz", 1 - whole)
    save(folder / "x_probability_a.nii.gz", whole)
    threshold(str(folder), str(tmp_path / "masks"))
    mask = np.asarray(nib.Nifti1Image.from_filename(tmp_path / "masks/x_mask.nii.gz").dataobj)
    np.testing.assert_array_equal(mask > 0, dice_optimal_segmentation(torch.from_numpy(whole)[None, None])[0, 0] > 0)
    save(folder / "x_probability_background.nii.gz", 1 - whole[1:])
    with pytest.raises(InputError, match=r"x_probability_a.nii.gz: its shape is 16 × 12 × 10, that of x_probability_b"):
        threshold(str(folder), str(tmp_path / "none"))
    save(folder / "x.nii.gz", whole)
    with pytest.raises(InputError, match="expected one map of x"):
        threshold(str(folder), str(tmp_path / "none"))
    assert not (tmp_path / "none").exists()


def test_bad_maps_are_named_and_the_rest_processed(tmp_path: Path, warm_python: WarmPython):
    good = save(tmp_path / "good.nii.gz", organ(16, 12, 10))
    bad = {
        "percent": save(tmp_path / "percent.nii.gz", 100 * organ(16, 12, 10)),
        "nan": save(tmp_path / "nan.nii.gz", np.full((4, 4, 4), np.nan, np.float32)),
        "five": save(tmp_path / "five.nii.gz", np.zeros((2, 2, 2, 2, 2), np.float32)),
        "text": tmp_path / "text.nii.gz",
        "cut": tmp_path / "cut.nii.gz",
        "missing": tmp_path / "missing.nii.gz",
    }
    bad["text"].write_text("text")
    bad["cut"].write_bytes(good.read_bytes()[:-200])
    paths = ",".join(map(str, [*bad.values(), good]))
    options = ["--probabilities", paths, "--output", str(tmp_path / "masks")]
    process = warm_python.start("-m", "common.threshold", *options, folder=tmp_path)
    assert process.wait(timeout=60) == 1
    assert "6 of 7 maps could not be used" in process.output()
    assert all(str(path) in process.output() for path in bad.values())
    assert "Traceback" not in process.output()
    assert [row["case"] for row in read_csv(tmp_path / "masks/summary.csv")] == ["good"]
    assert sorted(path.name for path in (tmp_path / "masks").iterdir()) == ["good_mask.nii.gz", "summary.csv"]


@pytest.mark.parametrize(("kind", "suffix"), [(np.uint8, ".png"), (np.uint16, ".png"), (np.float32, ".tif")])
def test_the_map_of_a_picture(tmp_path: Path, kind: type, suffix: str) -> None:
    """Rows as they are shown; of whole numbers the highest that the file can hold is 1."""
    most = 1 if kind is np.float32 else np.iinfo(kind).max
    stored = (organ(16, 12) * most).astype(kind)
    write = tifffile.imwrite if suffix == ".tif" else lambda path, array: Image.fromarray(array).save(path)
    write(tmp_path / f"a_probability_lung{suffix}", stored)
    threshold(str(tmp_path / f"a_probability_lung{suffix}"), str(tmp_path / "masks"))
    found = np.asarray(Image.open(tmp_path / "masks/a_probability_lung_mask.png"))
    marginal = torch.from_numpy(stored.astype(np.float32))[None, None] / most
    np.testing.assert_array_equal(found, 255 * dice_optimal_segmentation(marginal)[0, 0].numpy())
    (row,) = read_csv(tmp_path / "masks/summary.csv")
    assert int(row["pixels"]) == (found > 0).sum() > int(row["pixels_at_half"]) and "volume_mm3" not in row


def test_the_maps_of_a_picture_by_class(tmp_path: Path) -> None:
    """As inference writes them, without the background; what rounding adds to 1 is taken away again."""
    maps = organ(16, 12, channels=8)
    maps /= maps.sum(-1, keepdims=True).clip(1)
    (tmp_path / "maps").mkdir()
    for index, values in enumerate(np.moveaxis(maps, -1, 0)):
        Image.fromarray(np.ceil(255 * values).astype(np.uint8)).save(tmp_path / f"maps/a_probability_{index}.png")
    Image.new("L", (12, 16)).save(tmp_path / "maps/a_mask.png")
    names = ["rest", *map(str, range(8))]
    threshold(str(tmp_path / "maps"), str(tmp_path / "masks"), class_names=names)
    mask = Image.open(tmp_path / "masks/a_mask.png")
    assert mask.mode == "P" and set(np.unique(np.asarray(mask))) <= set(range(9)) and np.asarray(mask).any()
    assert [row["class"] for row in read_csv(tmp_path / "masks/summary.csv")] == names[1:]
    Image.new("RGB", (12, 16)).save(tmp_path / "color.png")
    with pytest.raises(InputError, match=r"color\.png: expected gray values, got 3 channels"):
        threshold(str(tmp_path / "color.png"), str(tmp_path / "others"))


def test_mistakes_are_named_before_anything_is_written(tmp_path: Path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with pytest.raises(InputError, match="got none in the folder"):
        threshold(str(tmp_path / "a"), str(tmp_path / "masks"))
    with pytest.raises(InputError, match=r"/nowhere is no folder: expected one that holds probability maps, or a map"):
        threshold(str(tmp_path / "nowhere"), str(tmp_path / "masks"))
    for name in ("b/notes", "b/x.jpg"):
        (tmp_path / name).touch()
        with pytest.raises(InputError, match=r"in one of the formats .nii, .nii.gz, .hdr, .img, .mgz, .mgh, .nrrd, .n"):
            threshold(str(tmp_path / name), str(tmp_path / "masks"))
    paths = [str(save(tmp_path / name, organ(16, 12))) for name in ("a/x.nii", "b/x.nii.gz")]
    with pytest.raises(InputError, match=r"one map named x"):
        threshold(paths, str(tmp_path / "masks"))
    with pytest.raises(InputError, match=r"class_names: expected none with --overlapping true.*got rest, liver"):
        threshold(paths[0], str(tmp_path / "masks"), overlapping=True, class_names="rest,liver")
    with pytest.raises(InputError, match="another folder"):
        threshold(paths[0], str(tmp_path / "a"))
    assert not (tmp_path / "masks").exists()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["x.nii"]
