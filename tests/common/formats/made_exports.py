"""Three annotators' rectangles on the same slices, as the files of six tools: pictures for web tools, else series.

Of the web tools the cases are the slices, ``<case>_<slice>``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from common.formats import Algorithm, Series, read_series, write_dicom_seg, write_seg_nrrd
from tests.common.formats import made_dicom
from tests.common.formats.made_dicom import slices, write_slices
from tests.common.formats.test_rtstruct import structures
from tests.common.formats.test_rtstruct import write as write_structures

WHO = ("anna", "ben", "cleo")
CLASSES = ("lesion", "vessel")
Rectangle = tuple[int, int, int, int]  # left, top, right, bottom: columns and rows, the last ones outside
Drawn = dict[tuple[str, int], dict[str, Rectangle]]  # case and slice; class


def draw(index: int, cases: list[str]) -> Drawn:
    """What the annotator of an index drew: on some slices nothing, the classes on either half of the columns."""
    random, half, drawn = np.random.default_rng(index), made_dicom.COLUMNS // 2, {}
    for place in ((case, k) for case in cases for k in range(made_dicom.SLICES)):
        drawn[place] = {}
        for side, name in enumerate(CLASSES):
            left, right = sorted(random.integers(side * half, side * half + half + 1, 2).tolist())
            top, bottom = sorted(random.integers(0, made_dicom.ROWS + 1, 2).tolist())
            if left < right and top < bottom:
                drawn[place][name] = (left, top, right, bottom)
    return drawn


def class_maps(drawn: Drawn) -> dict[str, np.ndarray]:
    """(X, Y, Z) of each case, from the rectangles alone."""
    made = {case: np.zeros((made_dicom.COLUMNS, made_dicom.ROWS, made_dicom.SLICES), np.int64) for case, _ in drawn}
    for (case, k), rectangles in drawn.items():
        for name, (left, top, right, bottom) in rectangles.items():
            made[case][left:right, top:bottom, k] = CLASSES.index(name) + 1
    return made


def write_images(folder: Path, cases: list[str]) -> None:
    """``folder/pictures`` and ``folder/scans``."""
    (folder / "pictures").mkdir(parents=True)
    for case in cases:
        write_slices(folder / "scans" / case, slices())
        for k in range(made_dicom.SLICES):
            stored = made_dicom.stored()[:, :, k].T
            Image.fromarray((stored * 255.0 / max(1, stored.max())).astype(np.uint8)).save(
                folder / f"pictures/{case}_{k}.png"
            )


def as_coco(folder: Path, drawn: Drawn) -> None:
    content: dict[str, list] = {"images": [], "annotations": []}
    content["categories"] = [{"id": k, "name": name} for k, name in enumerate(CLASSES, 1)]
    for number, ((case, k), rectangles) in enumerate(drawn.items()):
        size = {"height": made_dicom.ROWS, "width": made_dicom.COLUMNS}
        content["images"].append({"id": number, "file_name": f"{case}_{k}.png", **size})
        for name, (left, top, right, bottom) in rectangles.items():
            polygon = [left, top, right, top, right, bottom, left, bottom]
            entry = {"image_id": number, "category_id": CLASSES.index(name) + 1, "segmentation": [polygon]}
            content["annotations"].append(entry)
    (folder / "instances.json").write_text(json.dumps(content), encoding="utf-8")


def as_label_studio(folder: Path, drawn: Drawn) -> None:
    width, height = made_dicom.COLUMNS, made_dicom.ROWS
    tasks = []
    for (case, k), rectangles in drawn.items():
        result = []
        for name, (left, top, right, bottom) in rectangles.items():
            value = {"x": 100 * left / width, "y": 100 * top / height, "rectanglelabels": [name]}
            value |= {"width": 100 * (right - left) / width, "height": 100 * (bottom - top) / height}
            size = {"original_width": width, "original_height": height}
            result.append({"type": "rectanglelabels", "value": value, **size})
        tasks.append({"data": {"image": f"/d/{case}_{k}.png"}, "annotations": [{"completed_by": 1, "result": result}]})
    (folder / "tasks.json").write_text(json.dumps(tasks), encoding="utf-8")


def as_cvat(folder: Path, drawn: Drawn) -> None:
    labels = "".join(f"<label><name>{name}</name></label>" for name in CLASSES)
    text = f"<annotations><version>1.1</version><meta><task><labels>{labels}</labels></task></meta>"
    for number, ((case, k), rectangles) in enumerate(drawn.items()):
        size = f'width="{made_dicom.COLUMNS}" height="{made_dicom.ROWS}"'
        text += f'<image id="{number}" name="{case}_{k}.png" {size}>'
        for name, (left, top, right, bottom) in rectangles.items():
            runs = f"0, {(right - left) * (bottom - top)}"
            place = f'left="{left}" top="{top}" width="{right - left}" height="{bottom - top}"'
            text += f'<mask label="{name}" rle="{runs}" {place}/>'
        text += "</image>"
    (folder / "annotations.xml").write_text(f"{text}</annotations>", encoding="utf-8")


def for_each_series(write: Callable[[Path, str, Series, Drawn], object]) -> Callable[[Path, Drawn], None]:
    def write_all(folder: Path, drawn: Drawn) -> None:
        for case in dict.fromkeys(case for case, _ in drawn):
            series = read_series(folder.parents[1] / "scans" / case, voxels=False)
            write(folder, case, series, {place: found for place, found in drawn.items() if place[0] == case})

    return write_all


@for_each_series
def as_seg_nrrd(folder: Path, case: str, series: Series, drawn: Drawn) -> None:
    write_seg_nrrd(
        folder / f"{case}.seg.nrrd", class_maps(drawn)[case], series.affine, dict(enumerate(CLASSES, start=1))
    )


@for_each_series
def as_dicom_seg(folder: Path, case: str, series: Series, drawn: Drawn) -> None:
    classes = class_maps(drawn)[case]
    write_dicom_seg(
        folder / f"{case}.dcm", classes, series, dict(enumerate(CLASSES, start=1)), Algorithm("by hand", "1")
    )


@for_each_series
def as_rtstruct(folder: Path, case: str, series: Series, drawn: Drawn) -> None:
    contours: dict[str, list] = {name: [] for name in CLASSES}
    for (_, k), rectangles in drawn.items():
        for name, (left, top, right, bottom) in rectangles.items():
            corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
            contours[name].append((k, [(x - 0.5, y - 0.5) for x, y in corners]))
    write_structures(folder / f"{case}.dcm", structures(series, contours))


WEB = {"coco": as_coco, "label_studio": as_label_studio, "cvat": as_cvat}
DICOM = {"seg_nrrd": as_seg_nrrd, "dicom_seg": as_dicom_seg, "rtstruct": as_rtstruct}
