"""Exports of web tools against pycocotools, against polygons by definition, and against each other."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.path import Path as Outline
from PIL import Image

from common.convert import convert
from common.datasets import read_dataset
from common.errors import InputError
from common.formats import Segments, coco, cvat, label_studio, merge_segments
from common.formats.picture_cases import polygon_mask

SIZE = (9, 14)  # rows, columns
CLASSES = ("lesion", "vessel")
WHO = ("anna", "ben", "cleo")
Drawn = dict[str, dict[str, np.ndarray]]  # case, class


@pytest.fixture
def images(tmp_path: Path) -> dict[str, Path]:
    (tmp_path / "scans").mkdir()
    for case in ("a", "b"):
        Image.fromarray(np.full(SIZE, 90, np.uint8)).save(tmp_path / f"scans/{case}.png")
    return {case: tmp_path / f"scans/{case}.png" for case in ("a", "b")}


def drawn_by(index: int) -> Drawn:
    draw = np.random.default_rng(index)
    masks = {case: {name: draw.random(SIZE) < 0.3 for name in CLASSES} for case in ("a", "b")}
    for case in masks:
        masks[case]["vessel"] &= ~masks[case]["lesion"]
    return masks


def as_coco(masks: Drawn, compressed: bool = False) -> dict[str, Any]:
    annotations: list[dict[str, Any]] = []
    for image, (_, classes) in enumerate(masks.items()):
        for category, mask in enumerate(classes.values(), 1):
            runs: Any = runs_of(mask.T)
            if compressed:
                from pycocotools import mask as theirs

                runs = theirs.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode()
            entry = {"id": len(annotations) + 1, "image_id": image, "category_id": category, "iscrowd": 1}
            annotations.append(entry | {"segmentation": {"size": list(SIZE), "counts": runs}})
    return {
        "images": [
            {"id": k, "file_name": f"{case}.png", "height": SIZE[0], "width": SIZE[1]} for k, case in enumerate(masks)
        ],
        "annotations": annotations,
        "categories": [{"id": k, "name": name} for k, name in enumerate(CLASSES, 1)],
    }


def runs_of(mask: np.ndarray) -> list[int]:
    flat = np.concatenate(([False], mask.ravel()))
    changes = np.flatnonzero(np.diff(flat)).tolist()
    return np.diff([0, *changes, mask.size]).tolist()


def as_cvat(masks: Drawn) -> str:
    labels = "".join(f"<label><name>{name}</name></label>" for name in CLASSES)
    text = f"<annotations><version>1.1</version><meta><task><labels>{labels}</labels></task></meta>"
    for case, classes in masks.items():
        text += f'<image id="0" name="{case}.png" width="{SIZE[1]}" height="{SIZE[0]}">'
        for name, mask in classes.items():
            counts = ", ".join(map(str, runs_of(mask)))
            text += f'<mask label="{name}" rle="{counts}" left="0" top="0" width="{SIZE[1]}" height="{SIZE[0]}"/>'
        text += "</image>"
    return text + "</annotations>"


def pack_brush(mask: np.ndarray) -> list[int]:
    """Words of 8 bits in chunks of a run each, or of one word."""
    words = np.repeat(mask.ravel().astype(np.uint8) * 255, 4)
    bits = f"{len(words):032b}" + f"{7:05b}" + "".join(f"{size - 1:04b}" for size in (3, 4, 8, 16))
    starts = np.flatnonzero(np.diff(words, prepend=1 - words[:1])).tolist()
    for start, stop in zip(starts, [*starts[1:], len(words)], strict=True):
        length = stop - start
        bits += f"0{3:02b}{length - 1:016b}" + f"{words[start]:08b}" * length if length < 8 else ""
        bits += f"1{3:02b}{length - 1:016b}{words[start]:08b}" if length >= 8 else ""
    bits += "0" * (-len(bits) % 8)
    return [int(bits[k : k + 8], 2) for k in range(0, len(bits), 8)]


def as_label_studio(masks: dict[str, Drawn]) -> list[dict[str, Any]]:
    tasks = []
    for number, case in enumerate(("a", "b")):
        done = []
        for who, drawn in masks.items():
            size = {"original_width": SIZE[1], "original_height": SIZE[0], "image_rotation": 0}
            regions = [
                size | {"type": "brushlabels", "value": {"format": "rle", "rle": pack_brush(m), "brushlabels": [name]}}
                for name, m in drawn[case].items()
            ]
            done.append({"completed_by": {"id": 3, "email": who}, "was_cancelled": False, "result": regions})
        tasks.append({"id": number, "data": {"image": f"/data/upload/1/0a1b2c3d-{case}.png"}, "annotations": done})
    return tasks


def tensors(folder: Path) -> dict[str, list[list[int]]]:
    paths = sorted(path for who in WHO for path in (folder / who).iterdir())
    return {str(path.relative_to(folder)): np.asarray(Image.open(path)).tolist() for path in paths}


@pytest.mark.file_format("COCO JSON", "read", "run lengths")
@pytest.mark.file_format("COCO JSON", "tested against", "pycocotools")
@pytest.mark.file_format("Label Studio JSON", "read", "brushes")
@pytest.mark.file_format("CVAT for images 1.1", "read", "masks")
def test_three_tools_give_the_same_labels(images: dict[str, Path], tmp_path: Path) -> None:
    everybody = {who: drawn_by(index) for index, who in enumerate(WHO)}
    exports: dict[str, Any] = {}
    for kind, ending, write in (
        ("coco", "json", lambda masks: json.dumps(as_coco(masks))),
        ("compressed", "json", lambda masks: json.dumps(as_coco(masks, compressed=True))),
        ("cvat", "xml", as_cvat),
    ):
        for who, masks in everybody.items():
            path = tmp_path / f"{kind}/{who}.{ending}"
            path.parent.mkdir(exist_ok=True)
            path.write_text(write(masks), encoding="utf-8")
        exports[kind] = str(tmp_path / kind)
    (tmp_path / "tasks.json").write_text(json.dumps(as_label_studio(everybody)), encoding="utf-8")
    exports["label_studio"] = str(tmp_path / "tasks.json")

    found = {}
    for kind, source in exports.items():
        convert(str(tmp_path / "scans"), str(tmp_path / f"out_{kind}"), source)
        found[kind] = tensors(tmp_path / f"out_{kind}")
    expected = {
        f"{who}/{case}.png": (drawn[case]["lesion"] * 1 + drawn[case]["vessel"] * 2).tolist()
        for who, drawn in everybody.items()
        for case in ("a", "b")
    }
    for kind, labels in found.items():
        assert labels == expected, kind
    assert json.loads((tmp_path / "out_coco/classes.json").read_text(encoding="utf-8")) == {
        "background": 0,
        "lesion": 1,
        "vessel": 2,
    }
    dataset = read_dataset(tmp_path / "out_cvat")
    assert dataset.layout == "plain" and [sorted(item["annotators"]) for item in dataset.items] == [list(WHO)] * 2


@pytest.mark.file_format("COCO JSON", "read", "polygons")
@pytest.mark.parametrize("seed", range(5))
def test_polygons_hold_the_centers_inside_them(seed: int) -> None:
    corners = np.random.default_rng(seed).uniform(-1, 15, (6, 2))
    middle = corners.mean(0)
    corners = corners[np.argsort(np.arctan2(*(corners - middle).T))]  # one that does not cross itself
    rows, columns = np.indices((13, 15))
    centers = np.stack((columns + 0.5, rows + 0.5), -1).reshape(-1, 2)
    assert np.array_equal(polygon_mask([corners], (13, 15)).ravel(), Outline(corners).contains_points(centers))


def test_a_rectangle_has_as_many_pixels_as_it_is_large() -> None:
    """3 × 3 are 9: OpenCV 5 fills 16 and Pillow 13 another border from the same corners."""
    assert polygon_mask([[(2, 1), (5, 1), (5, 4), (2, 4)]], SIZE).sum() == 9


@pytest.mark.file_format("COCO JSON", "refused", "another size, unknown pictures")
def test_what_does_not_map_is_said_and_the_rest_read(images: dict[str, Path], tmp_path: Path) -> None:
    content = as_coco(drawn_by(0))
    content["images"] += [{"id": 7, "file_name": "lost.png", "height": 9, "width": 14}]
    content["images"][1]["width"] = 20
    (tmp_path / "anna.json").write_text(json.dumps(content), encoding="utf-8")
    said: list[str] = []
    found = list(coco.read(tmp_path / "anna.json", images, said.append, "anna"))
    assert [segments.case for segments in found] == ["a"]
    assert len(said) == 2 and "expected 14 × 9 pixels, got an annotation of 20 × 9" in said[1] and "lost.png" in said[0]
    with pytest.raises(InputError, match=r"but look at this:\n.*lost.*\n.*20 × 9"):
        convert(str(tmp_path / "scans"), str(tmp_path / "out"), str(tmp_path / "anna.json"))
    assert [path.name for path in (tmp_path / "out/anna").iterdir()] == ["a.png"]
    with pytest.raises(InputError, match="out exists; name another"):
        convert(str(tmp_path / "scans"), str(tmp_path / "out"), str(tmp_path / "anna.json"))


@pytest.mark.file_format("Label Studio JSON", "read", "skipped as not labeled, empty as empty")
def test_a_skipped_task_is_not_labeled_and_an_empty_one_is_empty(images: dict[str, Path], tmp_path: Path) -> None:
    tasks = as_label_studio({"anna": drawn_by(0)})
    tasks[0]["annotations"][0]["was_cancelled"] = True
    tasks[1]["annotations"][0]["result"] = []
    tasks[1]["annotations"] += [
        {"completed_by": 5, "result": as_label_studio({"x": drawn_by(1)})[1]["annotations"][0]["result"]}
    ]
    (tmp_path / "tasks.json").write_text(json.dumps(tasks), encoding="utf-8")
    found = {(s.case, s.annotator): s for s in label_studio.read(tmp_path / "tasks.json", images, pytest.fail)}
    assert set(found) == {("b", "anna"), ("b", "5")}
    assert not any(mask.any() for mask in found["b", "anna"].masks.values())
    assert found["b", "5"].masks["lesion"].any()


def test_annotators_by_an_attribute(images: dict[str, Path], tmp_path: Path) -> None:
    content = as_coco(drawn_by(0))
    for index, annotation in enumerate(content["annotations"]):
        annotation["attributes"] = {"reader": WHO[index % 2]}
    del content["annotations"][0]["attributes"]["reader"]
    (tmp_path / "all.json").write_text(json.dumps(content), encoding="utf-8")
    said: list[str] = []
    found = [(s.case, s.annotator) for s in coco.read(tmp_path / "all.json", images, said.append, attribute="reader")]
    assert found == [("a", "ben"), ("b", "anna"), ("b", "ben")]
    assert said == [f"{tmp_path / 'all.json'}, a: 1 annotations without reader are left out."]


def test_two_categories_of_one_number_are_refused(images: dict[str, Path], tmp_path: Path) -> None:
    content = as_coco(drawn_by(0))
    content["categories"].append(content["categories"][0] | {"name": "another"})
    (tmp_path / "all.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError, match=r"expected an id for each category, got \d for \d"):
        next(coco.read(tmp_path / "all.json", images, pytest.fail))


def test_numbers_from_0_name_annotators(images: dict[str, Path], tmp_path: Path) -> None:
    content = as_coco(drawn_by(0))
    for index, annotation in enumerate(content["annotations"]):
        annotation["attributes" if index else "reader"] = {"reader": index % 2} if index else 0
    (tmp_path / "all.json").write_text(json.dumps(content), encoding="utf-8")
    found = coco.read(tmp_path / "all.json", images, pytest.fail, attribute="reader")
    assert {one.annotator for one in found} == {"0", "1"}
    tasks = [{"data": {"image": "a.png"}, "annotations": [{"rater": 0, "result": []}]}]
    (tmp_path / "tasks.json").write_text(json.dumps(tasks), encoding="utf-8")
    found = label_studio.read(tmp_path / "tasks.json", images, pytest.fail, attribute="rater")
    assert [one.annotator for one in found] == ["0"]


@pytest.mark.parametrize(
    ("content", "read", "message"),
    [
        ("{", coco.read, "cannot be read as JSON"),
        ('{"images": [{}], "annotations": [], "categories": []}', coco.read, "lacking is 'id'"),
        ("[1]", label_studio.read, "expected a list of Label Studio's tasks"),
        ("<annotations><track/></annotations>", cvat.read, "or tracks"),
        ("<annotations>", cvat.read, "cannot be read as XML"),
        ("<!DOCTYPE a><annotations/>", cvat.read, "without a document type"),
    ],
)
def test_damaged_files_are_one_sentence(
    content: str, read: Callable[..., Any], message: str, images: dict[str, Path], tmp_path: Path
) -> None:
    path = tmp_path / "export.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        list(read(path, images, pytest.fail))


@pytest.mark.file_format("COCO JSON", "refused", "run lengths that do not fill the picture")
def test_runs_that_do_not_fill_the_picture_are_said(images: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "job.xml").write_text(as_cvat(drawn_by(0)).replace('rle="', 'rle="5, '), encoding="utf-8")
    said: list[str] = []
    assert not list(cvat.read(tmp_path / "job.xml", images, said.append, "anna"))
    assert len(said) == 2 and "a: expected run lengths for 126 pixels" in said[0]


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ('<polygon label="" points="1,1;5,1;5,5"/>', "expected shapes with a label, got a polygon without one"),
        (
            '<polygon label="lesion" points="1,1;5,1"/>',
            "expected polygons of three or more corners, got one of 2",
        ),
        (
            '<mask label="lesion" rle="-1, 5, 2" left="0" top="0" width="3" height="2"/>',
            "expected run lengths from 0 up, got -1 among them",
        ),
    ],
)
def test_shapes_that_say_nothing_are_no_empty_label(
    shape: str, message: str, images: dict[str, Path], tmp_path: Path
) -> None:
    image = f'<image id="0" name="a.png" width="{SIZE[1]}" height="{SIZE[0]}">{shape}</image>'
    (tmp_path / "job.xml").write_text(f"<annotations><version>1.1</version>{image}</annotations>", encoding="utf-8")
    said: list[str] = []
    assert not list(cvat.read(tmp_path / "job.xml", images, said.append, "anna"))
    assert len(said) == 1 and message in said[0]


def test_sizes_that_label_studio_writes_as_text_are_numbers(images: dict[str, Path], tmp_path: Path) -> None:
    tasks = as_label_studio({"anna": drawn_by(0)})
    for task in tasks:
        for region in task["annotations"][0]["result"]:
            region["original_width"] = str(region["original_width"])
    (tmp_path / "tasks.json").write_text(json.dumps(tasks), encoding="utf-8")
    assert len(list(label_studio.read(tmp_path / "tasks.json", images, pytest.fail))) == 2


def test_not_labeled_and_unknown_classes() -> None:
    mask = np.array([True, False])
    drawn = Segments("a", "anna", {"lesion": mask}, ignored=~mask)
    assert merge_segments(drawn, ["background", "lesion"], (2,))[0].tolist() == [1, -1]
    with pytest.raises(InputError, match="a, annotator anna: expected the classes vessel, got lesion"):
        merge_segments(drawn, ["background", "vessel"], (2,))
    with pytest.raises(InputError, match=r"expected a mask of \(3,\), got \(2,\)"):
        merge_segments(drawn, ["background", "lesion"], (3,))
