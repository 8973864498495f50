"""What is read of Label Studio's tasks, what is refused, and that pre-annotations come back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common.errors import InputError
from common.formats import Segments, coco, label_studio, write_label_studio

SIZE = (6, 8)  # rows, columns


def task(case: str, *completions: dict[str, Any]) -> dict[str, Any]:
    return {"id": 1, "data": {"note": "what is this", "picture": f"/data/{case}.png"}, "annotations": [*completions]}


def region(kind: str, **value: Any) -> dict[str, Any]:
    return {"type": kind, "value": {kind: ["lesion"], **value}, "original_width": 8, "original_height": 6}


def read_tasks(tasks: list[Any], scans: Path, tmp_path: Path, **options: Any) -> tuple[Iterator[Segments], list[str]]:
    said: list[str] = []
    (tmp_path / "tasks.json").write_text(json.dumps(tasks), encoding="utf-8")
    images = {case: scans / f"{case}.png" for case in "ab"}
    return iter(list(label_studio.read(tmp_path / "tasks.json", images, said.append, **options))), said


@pytest.mark.file_format("Label Studio JSON", "read", "polygons, rectangles, ellipses, also rotated ones")
@pytest.mark.parametrize(
    ("drawn", "inside"),
    [
        (region("rectanglelabels", x=25, y=50, width=50, height=50), lambda x, y: 2 <= x < 6 and y >= 3),
        (region("polygonlabels", points=[[0, 0], [50, 0], [50, 100], [0, 100]]), lambda x, y: x < 4),
        (
            region("ellipselabels", x=50, y=50, radiusX=25, radiusY=30),
            lambda x, y: ((x - 3.5) / 2) ** 2 + ((y - 2.5) / 1.8) ** 2 <= 1,
        ),
        # Clockwise about (x, y): what went right goes down, and what went down goes left
        (region("rectanglelabels", x=50, y=0, width=50, height=50, rotation=90), lambda x, y: 1 <= x < 4 and y < 4),
        (
            region("ellipselabels", x=50, y=50, radiusX=25, radiusY=20, rotation=270),
            lambda x, y: ((x - 3.5) / 1.2) ** 2 + ((y - 2.5) / 2) ** 2 <= 1,
        ),
    ],
)
def test_shapes_of_label_studio_are_in_percent(
    drawn: dict[str, Any], inside: Callable[[int, int], bool], scans: Path, tmp_path: Path
) -> None:
    choice = {"type": "choices", "value": {"choices": ["good"]}}
    (found,), said = read_tasks([task("a", {"completed_by": 4, "result": [drawn, choice]})], scans, tmp_path)
    assert found.masks["lesion"].tolist() == [[bool(inside(x, y)) for x in range(8)] for y in range(6)] and not said


@pytest.mark.file_format(
    "Label Studio JSON", "refused", "completions with another kind of region, or of a rotated image"
)
def test_a_region_that_cannot_be_read_leaves_no_label_without_it(scans: Path, tmp_path: Path) -> None:
    """Such a label would be wrong, and look as if nothing had been there."""
    whole = region("rectanglelabels", x=0, y=0, width=50, height=100)
    odd = {"type": "vectorlabels", "value": {"vertices": [1], "vectorlabels": ["lesion"]}}
    rotated = region("polygonlabels", points=[[0, 0], [50, 0], [50, 100]], rotation=30)
    for one, what in (
        (odd, "of the kind vectorlabels"),
        (rotated, "got a region of polygonlabels"),
        (whole | {"image_rotation": 90}, "of the image rotated"),
    ):
        done = [{"completed_by": 4, "result": [whole, one]}, {"completed_by": 5, "result": [whole]}]
        found, said = read_tasks([task("a", *done)], scans, tmp_path)
        assert [segments.annotator for segments in found] == ["5"]
        assert len(said) == 1 and "annotator 4: a: " in said[0] and what in said[0]


def test_a_task_of_several_images_is_not_laid_on_one_of_them(scans: Path, tmp_path: Path) -> None:
    whole = region("rectanglelabels", x=0, y=0, width=50, height=100)
    for other, shown in (({"to_name": "second"}, "image, second"), ({"item_index": 1}, "image, image, page 2")):
        done = [{"completed_by": 4, "result": [whole]}, {"completed_by": 5, "result": [whole | other]}]
        found, said = read_tasks([task("a", *done), task("b", done[0])], scans, tmp_path)
        assert [one.case for one in found] == ["b"] and len(said) == 1
        assert said[0].endswith(f"task 1: expected regions of one image, got some of {shown}.")


def test_of_several_completions_the_last_is_taken_and_it_is_said(scans: Path, tmp_path: Path) -> None:
    whole = region("rectanglelabels", x=0, y=0, width=50, height=100)
    tasks = [task("a", {"completed_by": 4, "result": [whole]}), task("a", {"completed_by": 4, "result": []})]
    (found,), said = read_tasks(tasks, scans, tmp_path)
    assert not found.masks["lesion"].any() and said[0].endswith("a: of 2 completions of 4 the last is taken.")
    dated = [
        {"completed_by": 4, "result": result, "created_at": "2025-01-01", "updated_at": f"2025-0{month}-01T10:00:00Z"}
        for month, result in ((3, [whole]), (2, []))
    ]
    (found,), _ = read_tasks([task("a", *dated)], scans, tmp_path)
    assert found.masks["lesion"].any()
    found, said = read_tasks(tasks, scans, tmp_path, by="copy")
    assert [(one.annotator, int(one.masks["lesion"].sum())) for one in found] == [("4_1", 24), ("4_2", 0)]
    assert not said


@pytest.mark.file_format("Label Studio JSON", "written", "pre-annotations, brushes")
def test_pre_annotations_come_back(scans: Path, tmp_path: Path) -> None:
    """Label Studio gives a prediction that nobody changed back as an annotation with the same result."""
    draw = np.random.default_rng(0)
    masks = {case: {"lesion": draw.random(SIZE) < 0.4, "vessel": draw.random(SIZE) < 0.4} for case in "ab"}
    drawn = [Segments(case, "t_loss", found) for case, found in masks.items()]
    write_label_studio(tmp_path / "pre.json", drawn, {case: f"/data/local-files/?d=scans/{case}.png" for case in "ab"})
    tasks = json.loads((tmp_path / "pre.json").read_text(encoding="utf-8"))
    with pytest.raises(InputError, match="tasks with annotations, got predictions"):
        read_tasks(tasks, scans, tmp_path)
    for one in tasks:
        one["annotations"] = [{"completed_by": 1, "result": p["result"]} for p in one.pop("predictions")]
    found, said = read_tasks([{"id": 0, **one} for one in tasks], scans, tmp_path)
    for segments in found:
        for name, mask in masks[segments.case].items():
            assert np.array_equal(segments.masks[name], mask)
    assert len(tasks) == 2 and not said
    with pytest.raises(InputError, match="b: expected the address of its picture"):
        write_label_studio(tmp_path / "pre.json", drawn, {"a": "x.png"})
    with pytest.raises(InputError, match=r"a: expected masks of one size \(H, W\)"):
        write_label_studio(tmp_path / "pre.json", [Segments("a", "", {"lesion": np.ones(3, bool)})], {"a": "x.png"})


def test_damaged_parts_of_tasks_are_said(scans: Path, tmp_path: Path) -> None:
    odd: list[Any] = [
        {"id": 1, "data": {}, "annotations": []},
        {"id": 2, "data": {"image": 7}, "annotations": []},
        {"id": 3, "data": {"image": "a.png"}, "annotations": 5},
        {"id": 4, "data": {"image": "a.png"}, "annotations": [{"completed_by": 1, "result": [3]}]},
        {"id": 5, "data": {"image": "b.png"}, "annotations": [{"result": []}]},
        {"id": 6, "data": {"image": "b.png"}, "annotations": [{"completed_by": 1, "result": 5}]},
    ]
    found, said = read_tasks(odd, scans, tmp_path)
    assert not list(found) and len(said) == 6, said
    assert coco.recognize(tmp_path / "tasks.json") is False
