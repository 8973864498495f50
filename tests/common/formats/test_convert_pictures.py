"""What the command writes of web tools' exports: whose labels they are, what is refused, and that nothing is lost."""

from __future__ import annotations

import ast
import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from common.convert import convert
from common.datasets import read_dataset
from common.errors import InputError
from common.formats import coco, cvat, list_exports, read_export

SIZE = (6, 8)  # rows, columns
LEFT = [[0, 0, 4, 0, 4, 6, 0, 6]]
RIGHT = [[4, 0, 8, 0, 8, 6, 4, 6]]


def coco_file(path: Path, entries: dict[str, list[Any]], **image: Any) -> Path:
    """Of pictures by name, with annotations (category, segmentation, further keys)."""
    names = list(entries)
    content: dict[str, Any] = {
        "images": [
            {"id": k, "file_name": name, "height": SIZE[0], "width": SIZE[1], **image} for k, name in enumerate(names)
        ],
        "categories": [{"id": 1, "name": "lesion"}, {"id": 2, "name": "vessel"}],
        "annotations": [
            {"id": 9, "image_id": k, "category_id": kind, "segmentation": drawn, "iscrowd": 0, **more}
            for k, name in enumerate(names)
            for kind, drawn, more in entries[name]
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def label(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_annotators_by_equals_sign_and_by_folder(
    scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """CVAT calls every export ``annotations.xml``, COCO's are ``instances_default.json``."""
    for who, drawn in (("anna", LEFT), ("ben", RIGHT)):
        coco_file(tmp_path / f"{who}/annotations.json", {"a.png": [(1, drawn, {})]})
    named = f"Dr. A={tmp_path}/anna/annotations.json,ben={tmp_path}/ben"
    convert(str(scans), str(tmp_path / "named"), named)
    assert sorted(path.name for path in (tmp_path / "named").iterdir()) == ["Dr._A", "ben", "classes.json", "images"]
    said = capsys.readouterr().out
    assert "Dr. A (in the folder Dr._A): 1 of" in said and "ben: 1 of" in said
    convert(str(scans), str(tmp_path / "by"), [str(tmp_path / "anna"), str(tmp_path / "ben")], annotator_by="folder")
    assert label(tmp_path / "by/anna/a.png").tolist() == [[1] * 4 + [0] * 4] * 6
    assert label(tmp_path / "by/ben/a.png").tolist() == [[0] * 4 + [1] * 4] * 6
    with pytest.raises(InputError, match=r"ben/annotations.json, a: annotations drew it in another file too"):
        convert(str(scans), str(tmp_path / "lost"), f"{tmp_path}/anna,{tmp_path}/ben")
    with pytest.raises(InputError, match=r"expected one of creator, .*, got stem"):
        convert(str(scans), str(tmp_path / "other"), f"{tmp_path}/anna", annotator_by="stem")


def test_paths_with_commas_and_equals_signs_are_paths(tmp_path: Path) -> None:
    (tmp_path / "a,b=c.json").touch()
    assert list_exports(str(tmp_path / "a,b=c.json")) == [("", tmp_path / "a,b=c.json")]
    (tmp_path / "results").mkdir()
    for name in ("inference.json", "a_mask.seg.nrrd"):
        (tmp_path / "results" / name).touch()
    assert [path.name for _, path in list_exports(str(tmp_path / "results"))] == ["a_mask.seg.nrrd"]
    with pytest.raises(InputError, match="a: expected an annotator's file"):
        list_exports(str(tmp_path / "a,c"))


@pytest.mark.parametrize("name", ["labels", "annotations", "gt"])
def test_no_annotator_becomes_the_ground_truth(name: str, scans: Path, tmp_path: Path) -> None:
    """A data set has the ground truth in a folder of such a name."""
    exports = {who: str(coco_file(tmp_path / f"{who}.json", {"a.png": [(1, LEFT, {})]})) for who in (name, "ben")}
    with pytest.raises(InputError, match=r"give the annotators? (another name|other names) by --exports NAME=PATH"):
        convert(str(scans), str(tmp_path / "out"), exports)
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".partial*"))


def test_a_ground_truth_that_is_called_so_is_one(scans: Path, tmp_path: Path) -> None:
    exports = {who: str(coco_file(tmp_path / f"{who}.json", {"a.png": [(1, LEFT, {})]})) for who in ("truth", "ben")}
    convert(str(scans), str(tmp_path / "out"), exports)
    (item,) = read_dataset(tmp_path / "out").items
    assert Path(item["label"]).parent.name == "truth" and list(item["annotators"]) == ["ben"]


@pytest.mark.parametrize("names", [("a b", "a_b"), ("images", "ben"), ("Anna", "anna"), ("ben", "classes.json")])
def test_annotators_do_not_share_a_folder(names: tuple[str, str], scans: Path, tmp_path: Path) -> None:
    exports = {
        who: str(coco_file(tmp_path / f"{k}.json", {"a.png": [(1, LEFT, {})]})) for k, who in enumerate(sorted(names))
    }
    with pytest.raises(InputError, match=r"the folder .* is that of .* already"):
        convert(str(scans), str(tmp_path / "out"), exports)
    assert Image.open(tmp_path / "out/images/a.png").getpixel((0, 0)) == 90


@pytest.mark.parametrize("name", ["background", "Background"])
def test_a_category_named_background_is_no_class(
    name: str, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tools list it beside the classes; it is what no class covers, also below the others."""
    path = coco_file(tmp_path / "anna.json", {"a.png": [(1, LEFT, {}), (2, [[0, 0, 8, 0, 8, 6, 0, 6]], {})]})
    path.write_text(path.read_text().replace("vessel", name))
    convert(str(scans), str(tmp_path / "out"), str(path))
    assert json.loads((tmp_path / "out/classes.json").read_text()) == {"background": 0, "lesion": 1}
    drawn = label(tmp_path / "out/anna/a.png")
    assert (drawn[:, :4] == 1).all() and (drawn[:, 4:] == 0).all()
    assert "The background is what no class covers; segments of this name left out: 1." in capsys.readouterr().out


def test_what_this_command_did_not_write_is_not_replaced(scans: Path, tmp_path: Path) -> None:
    export = str(coco_file(tmp_path / "anna.json", {"a.png": [(1, LEFT, {})]}))
    (tmp_path / "home").mkdir()
    (tmp_path / "home/thesis.tex").touch()
    with pytest.raises(InputError, match=r"--overwrite replaces only a folder that this command wrote"):
        convert(str(scans), str(tmp_path / "home"), export, overwrite=True)
    with pytest.raises(InputError, match=r"expected another folder than .*, which contains .*scans"):
        convert(str(scans), str(tmp_path), export, overwrite=True)
    assert (tmp_path / "home/thesis.tex").exists() and len(list(scans.iterdir())) == 3
    convert(str(scans), str(tmp_path / "out"), export)
    (tmp_path / "out/anna/b.png").touch()
    convert(str(scans), str(tmp_path / "out"), export, overwrite=True)
    assert [path.name for path in (tmp_path / "out/anna").iterdir()] == ["a.png"]


def test_one_class_by_its_name(scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    export = str(coco_file(tmp_path / "anna.json", {"a.png": [(1, LEFT, {})], "b.png": [(2, LEFT, {})]}))
    with pytest.raises(InputError, match="b, annotator anna: expected the classes lesion, got vessel"):
        convert(str(scans), str(tmp_path / "out"), export, classes="lesion")
    assert json.loads((tmp_path / "out/classes.json").read_text(encoding="utf-8")) == {"background": 0, "lesion": 1}
    assert "1 label of 1 annotator; 1 problem, named below." in capsys.readouterr().out
    with pytest.raises(InputError, match="expected different names"):
        convert(str(scans), str(tmp_path / "twice"), export, classes="lesion,lesion")


def test_the_later_class_covers_the_earlier(scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    both = [(1, LEFT, {}), (2, [[2, 0, 6, 0, 6, 6, 2, 6]], {})]
    export = str(coco_file(tmp_path / "anna.json", {"a.png": both}))
    for classes, expected in (("lesion,vessel", [1, 1, 2, 2, 2, 2, 0, 0]), ("vessel,lesion", [2, 2, 2, 2, 1, 1, 0, 0])):
        convert(str(scans), str(tmp_path / classes), export, classes=classes)
        assert label(tmp_path / classes / "anna/a.png").tolist() == [expected] * 6
        said = capsys.readouterr().out
        assert "Classes overlap in 12 pixels or voxels" in said and f"was taken: {classes.replace(',', ', ')}." in said


@pytest.mark.parametrize("name", ["lesion", "Barrett's", 'x "y" $HOME'])
def test_the_options_to_train_with_can_be_pasted(
    name: str, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    content = json.loads(coco_file(tmp_path / "anna.json", {"a.png": [(1, LEFT, {})]}).read_text(encoding="utf-8"))
    content["categories"] = [{"id": 1, "name": name}]
    (tmp_path / "anna.json").write_text(json.dumps(content), encoding="utf-8")
    convert(str(scans), str(tmp_path / "the data"), str(tmp_path / "anna.json"))
    pasted = shlex.split(capsys.readouterr().out.splitlines()[-1])
    assert pasted[pasted.index("--dataset_dir") + 1] == str(tmp_path / "the data")
    assert ast.literal_eval(pasted[pasted.index("--class_values") + 1]) == {"background": 0, name: 1}


@pytest.mark.file_format("COCO JSON", "read", "crowds as masks or not labeled")
def test_crowds_are_masks_or_not_labeled(scans: Path, tmp_path: Path) -> None:
    entries = {"a.png": [(1, LEFT, {}), (1, [[2, 0, 6, 0, 6, 6, 2, 6]], {"iscrowd": 1})]}
    export = str(coco_file(tmp_path / "anna.json", entries))
    for crowd, expected in (("mask", [1, 1, 1, 1, 1, 1, 0, 0]), ("ignored", [1, 1, 1, 1, 255, 255, 0, 0])):
        convert(str(scans), str(tmp_path / crowd), export, crowd=crowd)
        assert label(tmp_path / crowd / "anna/a.png").tolist() == [expected] * 6
    with pytest.raises(InputError, match=r"^--crowd: expected mask or ignored, got"):
        convert(str(scans), str(tmp_path / "out"), export, crowd="no")


@pytest.mark.parametrize("name", ["not labeled", "Not labeled"])
def test_what_is_called_not_labeled_is_no_class_in_any_format(
    name: str, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """As in the files for 3D Slicer and Label Studio; in those of COCO, CVAT and RTSTRUCT it became a class."""
    right = [[4, 0, 8, 0, 8, 6, 4, 6]]
    content = json.loads(coco_file(tmp_path / "a.json", {"a.png": [(1, LEFT, {}), (2, right, {})]}).read_text())
    content["categories"] = [{"id": 1, "name": "cyst"}, {"id": 2, "name": name}]
    (tmp_path / "a.json").write_text(json.dumps(content), encoding="utf-8")
    shapes = '<box label="cyst" xtl="0" ytl="0" xbr="4" ybr="6"/><box label="{}" xtl="4" ytl="0" xbr="8" ybr="6"/>'
    task = "<task><id>1</id><name>x</name></task>"
    cvat_file(tmp_path / "b.xml", task, cvat_image(0, "a.png", shapes.format(name)))
    for export in ("a.json", "b.xml"):
        convert(str(scans), str(tmp_path / export[0]), f"ann={tmp_path / export}")
        assert label(tmp_path / export[0] / "ann/a.png").tolist() == [[1] * 4 + [255] * 4] * 6
        assert "{'background': 0, 'cyst': 1}" in capsys.readouterr().out


def test_contours_by_opencv_give_their_mask_back(scans: Path, tmp_path: Path) -> None:
    """The polygons are findContours' of OpenCV 4.12 for the mask; read as COCO has them, 34 of 41 pixels stay."""
    down, across = np.indices((9, 12))
    mask = ((down - 4) ** 2 + (across - 6) ** 2 <= 10) | ((down == 4) & (across < 4)) | ((down == 8) & (across == 0))
    contours = [[0, 8], [5, 1, 2, 4, 0, 4, 2, 4, 5, 7, 7, 7, 9, 5, 9, 3, 7, 1]]
    Image.fromarray(mask).save(scans / "a.png")
    export = coco_file(tmp_path / "anna.json", {"a.png": [(1, contours, {})]}, height=9, width=12)
    convert(str(scans), str(tmp_path / "out"), str(export), polygons="centers")
    assert np.array_equal(label(tmp_path / "out/anna/a.png"), mask) and mask.sum() == 41
    convert(str(scans), str(tmp_path / "corners"), str(export))
    assert label(tmp_path / "corners/anna/a.png").sum() == 34
    with pytest.raises(InputError, match=r"^--polygons: expected corners or centers, got"):
        convert(str(scans), str(tmp_path / "none"), str(export), polygons="middle")


def test_a_picture_once_for_each_annotator(scans: Path, tmp_path: Path) -> None:
    export = coco_file(tmp_path / "all.json", {"anna/a.png": [(1, LEFT, {})], "ben/a.png": []})
    convert(str(scans), str(tmp_path / "out"), str(export), annotator_by="image_folder")
    assert label(tmp_path / "out/anna/a.png").sum() == 24 and label(tmp_path / "out/ben/a.png").sum() == 0
    with pytest.raises(InputError, match=r"nothing could be read:\n.*a is listed 2 times, anna/a.png and ben/a.png"):
        convert(str(scans), str(tmp_path / "none"), str(export))


def test_pictures_of_one_name_in_sub_folders(scans: Path, tmp_path: Path) -> None:
    for part in ("p1", "p 2"):
        (tmp_path / "all" / part).mkdir(parents=True)
        (tmp_path / "all" / part / "a.png").write_bytes((scans / "a.png").read_bytes())
    export = coco_file(tmp_path / "anna.json", {"p1/a.png": [(1, LEFT, {})], "p 2/a.png": []})
    convert(str(tmp_path / "all"), str(tmp_path / "out"), f"anna={export}")
    found = {item["case"]: item["annotators"]["anna"] for item in read_dataset(tmp_path / "out").items}
    assert {case: bool(label(Path(path)).any()) for case, path in found.items()} == {"p1_a": True, "p 2_a": False}


def test_an_attribute_of_the_picture_names_who_found_nothing(scans: Path, tmp_path: Path) -> None:
    export = coco_file(tmp_path / "all.json", {"a.png": [], "b.png": [(1, LEFT, {"attributes": {}})]}, reader="anna")
    convert(str(scans), str(tmp_path / "out"), str(export), attribute="reader")
    assert [int(label(tmp_path / f"out/anna/{case}.png").sum()) for case in "ab"] == [0, 24]


def test_an_annotators_damaged_region_leaves_the_others(scans: Path, tmp_path: Path) -> None:
    bad = [("NaN", 1), ([], 1), ({"size": list(SIZE), "counts": "62309"}, 1), (LEFT, 7), ([[1, 2, 3]], 1), ("x", 1)]
    for number, (drawn, category) in enumerate(bad):
        drawn = [[float("nan"), 1, 2, 2, 3, 1]] if drawn == "NaN" else drawn
        entries = {"a.png": [(1, LEFT, {"who": "anna"}), (category, drawn, {"who": "ben"})]}
        export = coco_file(tmp_path / f"{number}.json", entries)
        with pytest.raises(InputError, match=r"but look at this:\n.*, annotator ben: a: "):
            convert(str(scans), str(tmp_path / f"out{number}"), str(export), attribute="who")
        assert label(tmp_path / f"out{number}/anna/a.png").sum() == 24 and not (tmp_path / f"out{number}/ben").exists()


def cvat_file(path: Path, meta: str, images: str) -> Path:
    labels = "<labels><label><name>lesion</name></label></labels>"
    path.write_text(f"<annotations><meta>{meta.replace('LABELS', labels)}</meta>{images}</annotations>", "utf-8")
    return path


def cvat_image(number: int, name: str, shapes: str = "", task: str = "") -> str:
    task = f' task_id="{task}"' if task else ""
    return f'<image id="{number}" name="{name}" width="8" height="6"{task}>{shapes}</image>'


def test_tasks_of_a_project_are_annotators(scans: Path, tmp_path: Path) -> None:
    box = '<box label="lesion" xtl="0" ytl="0" xbr="4" ybr="6"/>'
    task = "<task><id>{0}</id><name>{1}</name><assignee><username>{2}</username></assignee></task>"
    meta = f"<project>LABELS<tasks>{task.format(3, 'first', 'anna')}{task.format(4, 'second', 'ben')}</tasks></project>"
    images = cvat_image(0, "a.png", box, "3") + cvat_image(1, "a.png", "", "4")
    path = cvat_file(tmp_path / "project.xml", meta, images)
    for by, names in (("task", ("first", "second")), ("assignee", ("anna", "ben"))):
        convert(str(scans), str(tmp_path / by), str(path), annotator_by=by)
        assert [int(label(tmp_path / by / name / "a.png").sum()) for name in names] == [24, 0]
    with pytest.raises(InputError, match=r"expected the job of a.png in the file's <meta>"):
        convert(str(scans), str(tmp_path / "job"), str(path), annotator_by="job")


def test_jobs_of_a_task_are_annotators(scans: Path, tmp_path: Path) -> None:
    job = "<segment><id>{}</id><start>{}</start><stop>{}</stop></segment>"
    meta = f"<task><id>1</id><name>t</name>LABELS<segments>{job.format(7, 0, 0)}{job.format(8, 1, 1)}</segments></task>"
    path = cvat_file(tmp_path / "t.xml", meta, cvat_image(0, "a.png") + cvat_image(1, "b.png"))
    convert(str(scans), str(tmp_path / "out"), str(path), annotator_by="job")
    items = read_dataset(tmp_path / "out").items
    assert [list(item["annotators"]) for item in items] == [["job_7"], ["job_8"]]


@pytest.mark.file_format("CVAT for images 1.1", "read", "boxes, polygons, ellipses")
def test_shapes_of_cvat_by_definition(scans: Path, tmp_path: Path) -> None:
    shapes = '<ellipse label="lesion" cx="4" cy="3" rx="2" ry="1.6"/>'
    path = cvat_file(tmp_path / "t.xml", "<task>LABELS</task>", cvat_image(0, "a.png", shapes + '<tag label="x"/>'))
    said: list[str] = []
    (found,) = cvat.read(path, {"a": scans / "a.png"}, said.append, "anna")
    inside = [[((x - 3.5) / 2) ** 2 + ((y - 2.5) / 1.6) ** 2 <= 1 for x in range(8)] for y in range(6)]
    assert found.masks["lesion"].tolist() == inside and not said


@pytest.mark.file_format("CVAT for images 1.1", "read", "rotated boxes and ellipses")
def test_rotated_shapes_of_cvat_turn_clockwise_about_their_center(scans: Path, tmp_path: Path) -> None:
    angle = np.deg2rad(30)
    across, down = np.meshgrid(np.arange(8) - 3.5, np.arange(6) - 2.5)  # from (4, 3), y points down
    along, beside = across * np.cos(angle) + down * np.sin(angle), down * np.cos(angle) - across * np.sin(angle)
    box = '<box label="lesion" xtl="1" ytl="2" xbr="7" ybr="4" rotation="30"/>'
    ellipse = '<ellipse label="lesion" cx="4" cy="3" rx="3.2" ry="1.4" rotation="30"/>'
    inside = [(abs(along) <= 3) & (abs(beside) <= 1), (along / 3.2) ** 2 + (beside / 1.4) ** 2 <= 1]
    for shape, expected in zip((box, ellipse), inside, strict=True):
        path, said = cvat_file(tmp_path / "t.xml", "<task>LABELS</task>", cvat_image(0, "a.png", shape)), list[str]()
        (found,) = cvat.read(path, {"a": scans / "a.png"}, said.append, "anna")
        assert found.masks["lesion"].tolist() == expected.tolist() and not said
        assert (expected != expected[::-1]).any()


@pytest.mark.file_format("CVAT for images 1.1", "refused", "labels with points or lines")
@pytest.mark.parametrize(
    "shape", ['<polyline points="1,1;2,2"/>', '<points points="1,1"/>', '<polygon points="1,1;2,2;1,2" rotation="9"/>']
)
def test_a_shape_without_an_area_leaves_no_label_without_it(shape: str, scans: Path, tmp_path: Path) -> None:
    """As a region of Label Studio, or keypoints of COCO, below: nobody's label looks complete that is not."""
    box = '<box label="lesion" xtl="0" ytl="0" xbr="4" ybr="6">WHO</box>'
    images = {case: scans / f"{case}.png" for case in "ab"}
    drawn = cvat_image(0, "a.png", box + shape) + cvat_image(1, "b.png", box)
    said: list[str] = []
    found = list(cvat.read(cvat_file(tmp_path / "t.xml", "<task>LABELS</task>", drawn), images, said.append, "anna"))
    assert [(one.case, int(one.masks["lesion"].sum())) for one in found] == [("b", 24)]
    kind = shape[1:].split()[0]
    assert len(said) == 1 and "a: expected " in said[0] and kind in said[0]
    who = '<attribute name="reader">{}</attribute>'
    drawn = cvat_image(
        0, "a.png", box.replace("WHO", who.format("ben")) + f"{shape[:-2]}>{who.format('anna')}</{kind}>"
    )
    path = cvat_file(tmp_path / "t.xml", "<task>LABELS</task>", drawn)
    (found_by_ben,) = cvat.read(path, images, said.append, attribute="reader")
    assert found_by_ben.annotator == "ben" and "annotator anna: a: expected " in said[-1]


@pytest.mark.file_format("COCO JSON", "refused", "labels with keypoints or boxes alone")
def test_keypoints_leave_no_label_without_them(scans: Path, tmp_path: Path) -> None:
    square = {"image_id": 1, "category_id": 1, "segmentation": [[0, 0, 4, 0, 4, 6, 0, 6]], "reader": "ben"}
    points = {"image_id": 1, "category_id": 1, "keypoints": [1, 1, 2], "num_keypoints": 1, "reader": "anna"}
    listed = {"id": 1, "file_name": "a.png", "height": 6, "width": 8}
    for keypoints in (points, points | {"segmentation": []}):
        content = {"images": [listed], "categories": [{"id": 1, "name": "lesion"}], "annotations": [square, keypoints]}
        (tmp_path / "a.json").write_text(json.dumps(content), encoding="utf-8")
        said: list[str] = []
        assert not list(coco.read(tmp_path / "a.json", {"a": scans / "a.png"}, said.append))
        assert len(said) == 1 and "a: expected a segmentation, got an annotation without one" in said[0]
        (found,) = coco.read(tmp_path / "a.json", {"a": scans / "a.png"}, said.append, attribute="reader")
        assert found.annotator == "ben" and int(found.masks["lesion"].sum()) == 24


def test_what_names_an_annotator_is_not_ignored(scans: Path, tmp_path: Path) -> None:
    tasks = tmp_path / "anna.json"
    done = {"id": 1, "data": {"image": "a.png"}, "annotations": [{"completed_by": 4, "result": []}]}
    tasks.write_text(json.dumps([done]), encoding="utf-8")
    images = {"a": scans / "a.png"}
    for by, who in (("creator", "4"), ("file", "anna"), ("folder", tmp_path.name)):
        assert [one.annotator for one in read_export(tasks, images, [], by=by)] == [who]
    other = coco_file(tmp_path / "all.json", {"a.png": []})
    for path, by in ((tasks, "image_folder"), (other, "assignee"), (other, "description")):
        with pytest.raises(InputError, match=rf"expected an annotator by creator, file, folder, copy.*, got {by}\."):
            next(read_export(path, images, [], by=by))
    (tmp_path / "a.seg.nrrd").touch()
    with pytest.raises(InputError, match=r"a\.seg\.nrrd: expected no --attribute, .*, got reader\."):
        next(read_export(tmp_path / "a.seg.nrrd", images, [], attribute="reader"))


def test_images_of_two_files_are_whole(tmp_path: Path) -> None:
    """A header and its voxels; nothing but the header has a name of an image."""
    from common.datasets.images_by_case import images_by_case, images_of

    sitk = pytest.importorskip("SimpleITK")
    (tmp_path / "scans").mkdir()
    sitk.WriteImage(sitk.GetImageFromArray(np.arange(24, dtype=np.int16).reshape(2, 3, 4)), tmp_path / "scans/a.mhd")
    assert list(images_by_case(tmp_path / "scans")) == ["a"]
    (tmp_path / "scans/b").mkdir()
    for name in ("scans/b/1.png", "scans/c_0000.png"):
        Image.new("L", (2, 2)).save(tmp_path / name)
    found = images_of(tmp_path / "scans", ["a", "b/1", "b/2", "c", "d/1"])
    assert {case: path.name for case, path in found.items()} == {"a": "a.mhd", "b/1": "1.png", "c": "c_0000.png"}
