"""What label values mean: inferred by the stated rules, and read as inferred."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser
from PIL import Image

from common.errors import InputError
from common.formats import write_seg_nrrd
from common.io.annotator_meanings import infer_annotator_meanings
from common.io.class_numbers import names_of_classes
from common.io.label_inference import infer_label_meaning
from common.io.label_meaning import LabelMeaning, LabelObservation, observe_label, read_label

SHAPE = (6, 8)  # height, width


def gray(path: Path, *values: int, mode: str = "L") -> Path:
    """A picture in which these values take turns."""
    array = np.resize(np.array(values, np.uint8), SHAPE)
    picture = Image.fromarray(array)
    if mode == "P":
        picture.putpalette([250, 250, 250, 10, 10, 10, *range(30)])  # light background, dark object
    elif mode != "L":
        picture = picture.convert(mode)
    picture.save(path)
    return path


def infer(paths, **said):
    return infer_label_meaning([observe_label(path) for path in paths], **said)


@pytest.mark.parametrize(
    ("files", "values", "note"),
    [
        ([(0, 1)], {0: 0, 1: 1}, "1 is foreground"),
        ([(0, 255), (0,)], {0: 0, 255: 1}, "255 is foreground"),
        ([(255,)], {0: 0, 255: 1}, "255 is foreground"),
        ([(0,)], {0: 0, 1: 1, 255: 1}, "Every label is empty"),
        ([(0, 255), (0, 1)], {0: 0, 1: 1, 255: 1}, "1 or 255 is foreground"),
        ([(0, 1, 2)], {0: 0, 1: 1, 2: 2}, "class indices from 0 to 2"),
        ([(0, 1), (0, 2), (0, 3)], {0: 0, 1: 1, 2: 2, 3: 3}, "class indices from 0 to 3"),
        ([(*[0] * 16, *[128] * 16, *[255] * 16)], {0: 0, 128: 1, 255: 2}, "numbered in their order"),
        ([(*[0] * 8, *[85] * 16, *[170] * 16, *[255] * 8)], {0: 0, 85: 1, 170: 2, 255: 3}, "numbered in their order"),
    ],
)
def test_gray_values(tmp_path, files, values, note):
    paths = [gray(tmp_path / f"{number}.png", *drawn) for number, drawn in enumerate(files)]
    meaning, notes = infer(paths)
    assert dict(meaning.values) == values and meaning.ignore is None and meaning.threshold is None
    assert any(note in said for said in notes) and all(said[-1] == "." for said in notes)
    for path, drawn in zip(paths, files, strict=True):
        label = read_label(path, meaning)
        assert label.shape == (1, 8, 6) and label.dtype == torch.float32
        np.testing.assert_array_equal(label[0].numpy().T, np.resize([values[value] for value in drawn], SHAPE))
    assert LabelMeaning.from_json(json.loads(json.dumps(meaning.to_json()))) == meaning


def test_smoothed_borders_are_no_classes(tmp_path):
    """A mask that a program enlarged with interpolation, among exact ones."""
    path = gray(tmp_path / "a.png", *[0] * 24, *[255] * 24)
    smooth = tmp_path / "smooth.png"
    Image.open(path).resize((16, 12), Image.Resampling.BILINEAR).save(smooth)
    with pytest.raises(InputError, match=r"smooth.png: .*, got 0, 64, 191, 255, .*--label_threshold 127.5"):
        infer([path, smooth])
    meaning, _ = infer([path, smooth], label_threshold=127.5)
    assert read_label(smooth, meaning).sum() == 4 * read_label(path, meaning).sum()


@pytest.mark.parametrize("mode", ["1", "RGB", "RGBA", "LA"])
def test_masks_of_every_mode_are_the_same(tmp_path, mode):
    path = gray(tmp_path / "a.png", 0, 255, mode=mode)
    meaning, _ = infer([path])
    assert dict(meaning.values) == {0: 0, 255: 1}
    np.testing.assert_array_equal(read_label(path, meaning)[0].numpy().T, np.resize([0, 1], SHAPE))


def test_a_light_palette_is_not_inverted(tmp_path):
    path = gray(tmp_path / "a.png", 0, 0, 1, mode="P")
    meaning, notes = infer([path])
    assert observe_label(path).kind == "palette" and dict(meaning.values) == {0: 0, 1: 1}
    assert any("by their indices" in note for note in notes)
    np.testing.assert_array_equal(read_label(path, meaning)[0].numpy().T, np.resize([0, 0, 1], SHAPE))


def test_masks_of_which_one_is_gray_and_another_a_palette(tmp_path):
    """As in DRIVE: GIF of 0 and 255, and GIF of a palette of two."""
    paths = [gray(tmp_path / "a.gif", 0, 255), gray(tmp_path / "b.gif", 0, 1, mode="P")]
    meaning, _ = infer(paths)
    for path in paths:
        np.testing.assert_array_equal(read_label(path, meaning)[0].numpy().T, np.resize([0, 1], SHAPE))


@pytest.mark.parametrize("classes", [(0, 1), (0, 1, 2, 3), (0, 4, 8), (0, 3)])
def test_255_beside_classes(tmp_path, classes):
    path = gray(tmp_path / "a.png", *classes, 255)
    with pytest.raises(InputError, match=r"a\.png: .* and 255.*--ignore_value 255.*--class_values"):
        infer([path])
    meaning, notes = infer([path], ignore_value=255)
    assert meaning.num_classes == len(classes) and meaning.ignore == 255 and "255 in label files means" in notes[0]
    found = read_label(path, meaning)[0].numpy().T
    np.testing.assert_array_equal(found, np.resize([*range(len(classes)), -1], SHAPE))
    last = {"background": 0, **{f"c{value}": value for value in (*classes[1:], 255)}}
    assert read_label(path, infer([path], class_values=last)[0]).max() == len(classes)


def test_what_is_said_wins(tmp_path):
    path = gray(tmp_path / "a.png", 0, 1, 2)
    merged, _ = infer([path], class_values={"organ": [1, 2], "background": 0})
    assert dict(merged.values) == {0: 0, 1: 1, 2: 1}
    assert dict(infer([path], class_values=[2, 1, 0])[0].values) == {2: 0, 1: 1, 0: 2}
    meaning, notes = infer([path], class_names={0: "background", 1: "a", 2: "b", 3: "c"})
    assert dict(meaning.values)[3] == 3
    assert notes[-1].endswith("value 1 is class 1, a; value 2 is class 2, b; value 3 is class 3, c (class_names).")
    _, notes = infer([path], class_values={"rest": 0, "all": [1, 2, 3]})
    assert "value 0 is class 0, rest; value 1 is class 1, all; value 2 is class 1, all" in notes[-1].lower()
    with pytest.raises(InputError, match=r"a\.png: expected the values 0, 1 that class_names gives, got 2"):
        infer([path], class_names={0: "background", 1: "a"})
    with pytest.raises(InputError, match=r"a\.png: expected the values 0, 1, got 2 \(16 pixels\)"):
        read_label(path, LabelMeaning({0: 0, 1: 1}))


@pytest.mark.parametrize("name", ["a.seg.nrrd", "a.nrrd"])
def test_values_of_3d_slicers_segmentations_mean_what_their_names_say(tmp_path, name):
    drawn = np.arange(24).reshape(2, 3, 4) % 3
    write_seg_nrrd(tmp_path / "a.seg.nrrd", drawn, np.eye(4), {1: "lesion", 2: "organ"}).rename(tmp_path / name)
    with pytest.raises(InputError, match=rf"{name}: expected a label file, .* python -m common\.convert makes labels"):
        observe_label(tmp_path / name)
    with pytest.raises(InputError, match="a segmentation of 3D Slicer"):
        read_label(tmp_path / name, LabelMeaning({0: 0, 1: 1, 2: 2}))


def blurred(path: Path, *levels: int) -> Path:
    array = np.repeat(np.repeat(np.array([levels], np.uint8), 24, axis=1), 48, axis=0)
    Image.fromarray(array).save(path, quality=70)
    return path


def test_jpeg_masks(tmp_path):
    paths = [blurred(tmp_path / "a.jpg", 0, 255, 0), blurred(tmp_path / "empty.jpg", 0)]
    meaning, notes = infer(paths)
    assert 120 < meaning.threshold < 130 and "half of the largest value" in notes[-1]
    label = read_label(paths[0], meaning)
    assert label[0, 24:48].min() == 1 and label[0, :24].max() == 0
    assert read_label(paths[1], meaning).max() == 0
    with pytest.raises(InputError, match="more than two"):
        infer([blurred(tmp_path / "three.jpg", 0, 128, 255)])


def test_colors(tmp_path):
    picture = np.zeros((*SHAPE, 3), np.uint8)
    picture[1], picture[2] = (255, 0, 0), (0, 255, 0)
    Image.fromarray(picture).save(tmp_path / "a.png")
    path = tmp_path / "a.png"
    with pytest.raises(InputError, match=r"#ff0000.*--class_colors \"\{'name0': '#000000', 'name1': .*, 'name2': "):
        infer([path])
    meaning, notes = infer([path], class_colors={"cup": "#FF0000", "disc": "#00ff00"})
    assert dict(meaning.colors) == {"#000000": 0, "#ff0000": 1, "#00ff00": 2}
    assert notes[0] == (
        "The color #000000 is class 0, background; #ff0000 is class 1, cup; #00ff00 is class 2, disc (class_colors)."
    )
    assert read_label(path, meaning)[0, 0, :4].tolist() == [0, 1, 2, 0]
    parser = ConfigParser({"class_colors": {"cup": "#FF0000", "disc": "#00ff00"}})  # which makes :: of #
    assert infer([path], class_colors=parser.get_parsed_content("class_colors"))[0] == meaning
    ignored, _ = infer([path], class_colors={"cup": "#ff0000"}, ignore_value="#00ff00")
    assert read_label(path, ignored)[0, 0, :4].tolist() == [0, 1, -1, 0]
    with pytest.raises(InputError, match=r"a\.png: expected the colors .*got #00ff00"):
        infer([path], class_colors={"cup": "#ff0000"})
    with pytest.raises(InputError, match=r"expected colors such as '#ff0000', got 'red'"):
        infer([path], class_colors={"cup": "red"})
    seen = {"AR": [observe_label(path)], "HS": [observe_label(path)]}
    said = {"class_colors": {"cup": "#ff0000"}, "ignore_value": "#00ff00"}
    assert infer_annotator_meanings(seen, **said)[0] == {"AR": ignored, "HS": ignored}


@pytest.mark.parametrize(
    ("values", "colors", "names"),
    [
        ({"tumor": 255, "background": 0}, None, ["background", "tumor"]),
        ({"d": 100, "rest": [0, 5], "a": 3}, None, ["rest", "d", "a"]),
        ({"a": 3, "b": 1}, None, ["background", "a", "b"]),
        (None, {"cup": "#FF0000", "rest": "#000000"}, ["rest", "cup"]),
        ([0, 255], None, []),
        (None, None, []),
    ],
)
def test_names_are_in_the_order_of_the_indices(values, colors, names):
    """Names in another order than the indices give each class the name of another one, without a word."""
    assert names_of_classes(values, colors) == names
    if names:
        seen = LabelObservation("a.png", "color" if colors else "gray", {}, (1, 1))
        meaning, _ = infer_label_meaning([seen], class_values=values, class_colors=colors)
        for name, given in (colors or values).items():
            for one in given if isinstance(given, list) else [given]:
                index = meaning.colors[one.lower()] if colors else meaning.values[one]
                assert names[index] == name


def test_volumes(tmp_path):
    image = nib.Nifti1Image(np.resize(np.array([0.0, 1, 4]), (3, 4, 5)), np.eye(4))
    image.set_data_dtype(np.int16)  # nibabel scales: 4 becomes 3.9999999990686774
    nib.save(image, tmp_path / "a.nii")
    assert observe_label(tmp_path / "a.nii").counts == {0: 20, 1: 20, 4: 20}
    meaning, _ = infer([tmp_path / "a.nii"])
    assert read_label(tmp_path / "a.nii", meaning).unique().tolist() == [0, 1, 2]
    for value, message in ((np.nan, "not finite"), (0.5, "whole numbers .*got 0.5"), (2.0**24 + 2, r"2\^24")):
        nib.save(nib.Nifti1Image(np.full((2, 2, 2), value), np.eye(4)), tmp_path / "b.nii")
        with pytest.raises(InputError, match=rf"b\.nii: .*{message}"):
            observe_label(tmp_path / "b.nii")
    nib.save(nib.Nifti1Image(np.full((2, 2, 2), 2**24, np.int32), np.eye(4)), tmp_path / "c.nii")
    assert observe_label(tmp_path / "c.nii").counts == {2**24: 8}
    nib.save(nib.Nifti1Image(np.array([[[-1, 0, 1]]], np.int16), np.eye(4)), tmp_path / "d.nii")
    meaning, notes = infer([tmp_path / "d.nii"])
    assert meaning.ignore == -1 and "not labeled" in notes[0]
    assert read_label(tmp_path / "d.nii", meaning).flatten().tolist() == [-1, 0, 1]


def test_annotators_have_values_of_their_own(tmp_path):
    files = {value: gray(tmp_path / f"{value}.png", 0, value) for value in (255, 1, 2)}
    seen = {f"r{value}": [observe_label(path)] for value, path in files.items()}
    meanings, notes = infer_annotator_meanings(seen)
    expected = np.resize([0, 1], SHAPE).T
    for value, path in files.items():
        np.testing.assert_array_equal(read_label(path, meanings[f"r{value}"])[0].numpy(), expected)
    assert any(note.startswith("Annotator r2: ") for note in notes)
    together = {"a": [observe_label(gray(tmp_path / "c.png", 0, 1, 2))], "b": seen["r2"]}
    meanings, _ = infer_annotator_meanings(together)  # b's 2 is a's 2
    assert meanings["a"] == meanings["b"] == LabelMeaning({0: 0, 1: 1, 2: 2})


def test_a_label_must_lie_on_its_image(tmp_path):
    voxels = np.resize([0, 1], (3, 4, 5)).astype(np.uint8)
    moved = np.eye(4)
    moved[0, 3] = 0.5
    for name, affine in (("a.nii", np.eye(4)), ("b.nii", moved), ("c.nii", np.eye(4) * [1.005, 1, 1, 1])):
        nib.save(nib.Nifti1Image(voxels, affine), tmp_path / name)
    meaning = LabelMeaning({0: 0, 1: 1})
    image = read_label(tmp_path / "a.nii", meaning)
    with pytest.raises(InputError, match=r"b\.nii: its affine puts it up to 0\.5 mm from the image"):
        read_label(tmp_path / "b.nii", meaning, image)
    assert read_label(tmp_path / "c.nii", meaning, image).shape == image.shape


def test_255_beside_classes_with_gaps_in_a_volume(tmp_path):
    drawn = np.resize(np.array([0, 3, 7, 9, 255], np.int16), (4, 5, 3))
    nib.save(nib.Nifti1Image(drawn, np.eye(4)), tmp_path / "a.nii")
    with pytest.raises(InputError, match=r"a\.nii: labels hold the values 0, 3, 7, 9 and 255, which may be a class or"):
        infer([tmp_path / "a.nii"])


@pytest.mark.parametrize("values", [(0, 1), (0, 1, 2), (0, 0, 1, 1, 2, 2, 255, 255), (0, 127), (0, 1, 255)])
def test_exact_masks_beside_those_of_jpeg_have_their_values(tmp_path, values):
    paths = [gray(tmp_path / "exact.png", *values), blurred(tmp_path / "spread.jpg", 0, 255, 0)]
    with pytest.raises(InputError, match=r"exact\.png: expected a mask of 0 and 25\d as the JPEG masks, .* as PNG"):
        infer(paths)


@pytest.mark.parametrize("others", [{"A": (0, 1, 2)}, {"A": (0, 2), "B": (0, 1, 2)}])
def test_a_jpeg_is_no_label_beside_annotators_who_draw_classes(tmp_path, others):
    """Else the value 2 of somebody who draws it alone would be class 1."""
    seen = {name: [observe_label(gray(tmp_path / f"{name}.png", *values))] for name, values in others.items()}
    seen["C"] = [observe_label(blurred(tmp_path / "spread.jpg", 0, 255, 0))]
    with pytest.raises(InputError, match=r"spread\.jpg: expected classes as the labels of [AB], which hold 0, 1, 2"):
        infer_annotator_meanings(seen)


def test_a_jpeg_is_no_label_beside_a_ground_truth_of_classes(tmp_path):
    seen = {"": [observe_label(gray(tmp_path / "truth.png", 0, 1, 2))]}
    seen["C"] = [observe_label(blurred(tmp_path / "spread.jpg", 0, 255, 0))]
    with pytest.raises(InputError, match=r"spread\.jpg: expected classes as the labels of the ground truth, which"):
        infer_annotator_meanings(seen)


def test_a_jpeg_is_a_label_beside_annotators_who_draw_masks(tmp_path):
    seen = {name: [observe_label(gray(tmp_path / f"{name}.png", 0, value))] for name, value in (("A", 1), ("B", 255))}
    seen["C"] = [observe_label(blurred(tmp_path / "spread.jpg", 0, 255, 0))]
    meanings, notes = infer_annotator_meanings(seen)
    assert {name: meaning.num_classes for name, meaning in meanings.items()} == {"A": 2, "B": 2, "C": 2}
    assert any(note.startswith("Annotator C: JPEG masks") for note in notes)


def test_labels_of_which_nothing_is_labeled_are_not_called_empty(tmp_path):
    nib.save(nib.Nifti1Image(np.full((3, 2, 2), -1, np.int16), np.eye(4)), tmp_path / "a.nii")
    assert infer([tmp_path / "a.nii"])[1][-1] == "Nothing is labeled in any file."


@pytest.mark.parametrize("values", [(0,), (0, 255), (0, 250)])
def test_exact_masks_of_the_same_values_are_read_beside_those_of_jpeg(tmp_path, values):
    exact, spread = gray(tmp_path / "exact.png", *values), blurred(tmp_path / "spread.jpg", 0, 255, 0)
    meaning, _ = infer([exact, spread])
    drawn = np.resize(np.array(values) > 0, SHAPE).T
    np.testing.assert_array_equal(read_label(exact, meaning)[0].numpy(), drawn)


def test_smoothed_masks_are_read_beside_those_of_jpeg(tmp_path):
    smooth = tmp_path / "smooth.png"
    Image.fromarray(np.tile(np.array([0, 0, 64, 191, 255, 255], np.uint8), (4, 1))).save(smooth)
    meaning, _ = infer([smooth, blurred(tmp_path / "spread.jpg", 0, 255, 0)])
    assert read_label(smooth, meaning)[0, :, 0].tolist() == [0, 0, 0, 1, 1, 1]


def test_jpeg_has_no_value_of_what_is_not_labeled(tmp_path):
    path = blurred(tmp_path / "a.jpg", 0, 255, 0)
    with pytest.raises(InputError, match=r"a\.jpg and others: .* the value 255 of what is not labeled exactly"):
        infer([path], ignore_value=255)


def test_what_a_gray_mask_does_not_label_is_not_foreground(tmp_path):
    path = gray(tmp_path / "a.png", 0, 60, 128, 200, 255)
    meaning, _ = infer([path], label_threshold=100, ignore_value=255)
    assert read_label(path, meaning)[0].T.flatten()[:5].tolist() == [0, 0, 1, 1, -1]


def test_gray_masks_below_the_threshold_are_named(tmp_path):
    paths = [gray(tmp_path / f"{name}.png", *values) for name, values in (("a", (0, 60, 255)), ("b", (0, 1)))]
    _, notes = infer(paths, label_threshold=127.5)
    assert notes[-1].endswith(f"Empty by that, though not 0 everywhere: {paths[1]}.")


def test_a_gray_mask_has_a_threshold(tmp_path):
    """Of gray masks only: where 0 and one other value are drawn, they say themselves what is foreground."""
    seen = {"good": [observe_label(gray(tmp_path / "good.png", 0, 60, 127, 128, 255))]}
    seen["over"] = [observe_label(gray(tmp_path / "over.png", 0, 1))]
    with pytest.raises(InputError, match="--label_threshold"):
        infer_label_meaning([observe_label(gray(tmp_path / "many.png", *range(0, 250, 5)))])
    meanings, notes = infer_annotator_meanings(seen, label_threshold=127.5)
    assert meanings["good"].num_classes == meanings["over"].num_classes == 2
    expected = np.resize([0, 0, 0, 1, 1], SHAPE).T
    np.testing.assert_array_equal(read_label(tmp_path / "good.png", meanings["good"])[0].numpy(), expected)
    assert read_label(tmp_path / "over.png", meanings["over"]).max() == 1
    assert "Annotator good: gray masks: values above 127.5 are foreground, as label_threshold says." in notes
    for wrong in (-1, 255, True, "half"):
        with pytest.raises(InputError, match="label_threshold: expected a number from 0 to below 255"):
            infer_label_meaning(seen["good"], label_threshold=wrong)


@pytest.mark.parametrize("files", [[(0,)], [(0, 255)], [(0, 1, 2)]])
def test_the_background_cannot_be_what_was_not_labeled(tmp_path, files):
    paths = [gray(tmp_path / f"{number}.png", *drawn) for number, drawn in enumerate(files)]
    with pytest.raises(InputError, match=r"ignore_value: 0 is the value of the background.*class_values"):
        infer(paths, ignore_value=0)


def test_another_value_may_be_the_background(tmp_path):
    said = {"class_values": {"background": 1, "disc": 2}, "ignore_value": 0}
    path = gray(tmp_path / "a.png", 0, 1, 2, 1)
    label = read_label(path, infer([path], **said)[0])
    np.testing.assert_array_equal(label[0].numpy().T, np.resize([-1, 0, 1, 0], SHAPE))
