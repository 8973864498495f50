"""Which picture an entry means and whose it is; polygons, ellipses and run lengths against pycocotools."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.datasets.converted import folder_name
from common.errors import InputError
from common.formats.brush import decode_brush, encode_brush
from common.formats.coco import decode_runs, unpack_runs
from common.formats.picture_cases import case_finder, ellipse_mask, place_entries, polygon_mask

theirs = pytest.importorskip("pycocotools.mask")
SIZE = (40, 50)


def star(seed: int) -> np.ndarray:
    """Corners of a polygon that does not cross itself."""
    draw = np.random.default_rng(seed)
    corners = draw.uniform((0, 0), SIZE[::-1], (draw.integers(3, 12), 2))
    middle = corners.mean(0)
    return corners[np.argsort(np.arctan2(*(corners - middle).T))]


def distance_to_border(corners: np.ndarray) -> np.ndarray:
    """Of each pixel's center, (H, W)."""
    rows, columns = np.indices(SIZE)
    centers = np.stack((columns + 0.5, rows + 0.5), -1)[..., None, :]
    along = np.roll(corners, -1, 0) - corners
    share = (((centers - corners) * along).sum(-1) / (along**2).sum(-1)).clip(0, 1)
    return np.linalg.norm(centers - corners - share[..., None] * along, axis=-1).min(-1)


def by_pycocotools(corners: np.ndarray) -> np.ndarray:
    return theirs.decode(theirs.frPyObjects([corners.ravel().tolist()], *SIZE))[..., 0] > 0


@pytest.mark.parametrize("seed", range(20))
def test_polygons_are_those_of_pycocotools_but_at_the_border(seed: int) -> None:
    corners = star(seed)
    ours, coco = polygon_mask([corners], SIZE), by_pycocotools(corners)
    assert ours.any() and (distance_to_border(corners)[ours != coco] < 0.25).all()


@given(st.integers(0, 40), st.integers(0, 30), st.integers(1, 10), st.integers(1, 10))
def test_rectangles_of_whole_pixels_are_those_of_pycocotools(left: int, top: int, width: int, height: int) -> None:
    right, bottom = left + width, top + height
    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)], float)
    ours = polygon_mask([corners], SIZE)
    assert np.array_equal(ours, by_pycocotools(corners)) and ours.sum() == width * height


def test_ellipses_hold_the_centers_inside_them() -> None:
    found = ellipse_mask(np.array([20.3, 15.6]), np.array([11.7, 4.2]), SIZE)
    for row, column in np.ndindex(SIZE):
        assert found[row, column] == (((column - 19.8) / 11.7) ** 2 + ((row - 15.1) / 4.2) ** 2 <= 1)


@pytest.mark.parametrize("corners", [[], [(np.nan, 1), (2, 2), (3, 1)], [(np.inf, 1), (2, 2), (3, 1)]])
def test_corners_that_are_none_are_a_sentence(corners: list[tuple[float, float]]) -> None:
    with pytest.raises(InputError, match="expected a polygon of finite corners"):
        polygon_mask([corners], SIZE)


@given(st.integers(1, 12), st.integers(1, 12), st.data())
def test_compressed_runs_are_those_of_pycocotools(height: int, width: int, data: st.DataObject) -> None:
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=height * width, max_size=height * width)))
    mask = mask.reshape(height, width)
    text = theirs.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode()
    assert np.array_equal(decode_runs(unpack_runs(text, "a"), (width, height), "a").T, mask)


def test_long_runs_are_those_of_pycocotools() -> None:
    mask = np.zeros((3000, 2000), np.uint8, order="F")
    mask[7:2900, 3:1990] = np.random.default_rng(0).random((2893, 1987)) < 1e-3
    text = theirs.encode(mask)["counts"].decode()
    assert np.array_equal(decode_runs(unpack_runs(text, "a"), (2000, 3000), "a").T, mask > 0)


@pytest.mark.parametrize("text", ["", " ", "o", "ooooooooo0", "5", "é1", "6A"])
def test_damaged_runs_are_a_sentence(text: str) -> None:
    with pytest.raises(InputError, match="a: expected run lengths"):
        decode_runs(unpack_runs(text, "a"), (9, 9), "a")


@given(st.integers(1, 9), st.integers(1, 300), st.integers(0, 9))
def test_brushes_come_back(height: int, width: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    words = np.repeat(draw.random(height * width) < 0.5, draw.choice([1, 3, 40]))[: height * width]
    found = decode_brush(encode_brush(words.reshape(height, width)))
    assert np.array_equal(found, np.repeat(words, 4) * np.uint8(255))


def test_long_brushes_come_back() -> None:
    """Of more pixels than the longest run of 2^16 words."""
    mask = np.zeros((300, 400), bool)
    mask[290:, :7] = True
    assert np.array_equal(decode_brush(encode_brush(mask)).reshape(300, 400, 4)[..., 3] > 0, mask)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda packed: packed[:-2], "end too early"),
        (lambda packed: packed[:5], "end too early"),
        (lambda packed: [255, 255, 255, 255, *packed[4:]], "expected 96 at most"),
        (lambda packed: [*packed[:4], 0, *packed[5:]], "words of 1 bits"),
        (lambda packed: [*packed, 256], "are not bytes"),
        (lambda packed: "abc", "are not bytes"),
    ],
)
def test_damaged_brushes_are_a_sentence(change: Callable[[list[int]], list[int]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        decode_brush(change(encode_brush(np.eye(4, 6) > 0)), most=96)


@pytest.mark.parametrize(
    ("name", "case"),
    [
        ("a#1.png", "a#1"),
        ("a?b.png", "a?b"),
        ("a;1.png", "a;1"),
        ("a%20b.png", "a%20b"),
        ("https://host/c%20d.png?token=x/a", "c d"),
        ("s3://bucket/a#1.png", "a#1"),
        ("C:\\scans\\a.png", "a"),
        ("https://host/a.png#view", "a"),
        ("http://localhost:8080/data/local-files/?d=scans/c%20d.png", "c d"),
    ],
)
def test_names_are_taken_as_they_stand(name: str, case: str) -> None:
    """Of a URL's point of view all of these would be the picture ``a``, or none."""
    names = ("a", "a#1", "a?b", "a;1", "a%20b", "c d")
    assert case_finder({one: f"scans/{one}.png" for one in names})(name) == case


def test_pictures_of_one_name_are_told_apart_by_their_folders() -> None:
    find = case_finder({f"{part}/a": f"scans/{part}/a.png" for part in ("p 1", "p2", "q/p2")})
    assert find("p 1/a.png") == find("http://host/data/local-files/?d=x/p%201/a.png") == "p 1/a"
    assert find("C:\\scans\\p2\\a.png") == "p2/a" and find("q/p2/a") == "q/p2/a"
    assert find("p2/a.png") == "p2/a"
    for name in ("a.png", "p3/a.png", "x/p2/a.png"):
        with pytest.raises(InputError, match="expected one image of this name"):
            find(name)


@pytest.mark.parametrize("name", ["a#1.png", "a.v2", "b.png", "", "s3://bucket/a#1.png"])
def test_names_of_other_pictures_are_not_found(name: str) -> None:
    with pytest.raises(InputError, match="expected an image of this name"):
        case_finder({"a": "a.png"})(name)


def test_a_picture_that_is_listed_twice_is_nobodys_until_it_is_said_whose() -> None:
    files, images, said = {4: "train/a.png", 5: "val/a.png", 6: "b.png"}, {"a": Path("a.png"), "b": Path("b.png")}, []
    assert place_entries("x.json", files, images, said.append, "x") == {6: ("b", "x")}
    assert "a is listed 2 times, train/a.png and val/a.png" in said[0]
    assert place_entries("x.json", files, images, said.append, "x", "copy") == {
        4: ("a", "x_1"),
        5: ("a", "x_2"),
        6: ("b", "x_1"),
    }
    placed = place_entries("x.json", files, images, said.append, "x", "image_folder")
    assert placed == {4: ("a", "train"), 5: ("a", "val")} and "names the annotator, got b.png" in said[-1]


def test_folders_have_names_that_every_system_takes() -> None:
    assert [folder_name(name) for name in ("Dr. Müller/2", "anna@host.org", "..", "")] == [
        "Dr._Müller_2",
        "anna_host.org",
        "_",
        "_",
    ]
