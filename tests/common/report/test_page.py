from __future__ import annotations

import base64
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from common.errors import InputError
from common.report import write_page

VOID = {"meta", "img"}


class Page(HTMLParser):
    """Tags with their attributes, text by innermost tag, and that every tag is closed."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, list[str]] = {}
        self.feed(path.read_text(encoding="utf-8"))
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.text.setdefault(self.open[-1], []).append(data)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    Image.new("RGB", (3, 2), "red").save(tmp_path / "a figure.png")
    return tmp_path / "a figure.png"


def test_page_is_self_contained(tmp_path: Path, picture: Path) -> None:
    path = write_page(tmp_path / "new" / "report.html", "T-Loss <α>", [("One", "text", [picture, picture])])
    page = Page(path)
    assert page.text["title"] == page.text["h1"] == ["T-Loss <α>"]
    assert page.text["h2"] == ["One"]
    assert page.text["p"] == ["text"]
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    assert len(images) == 2
    prefix, _, content = str(images[0]["src"]).partition(",")
    assert prefix == "data:image/png;base64"
    assert base64.b64decode(content, validate=True) == picture.read_bytes()
    assert images[0]["alt"] == "One: a figure"
    document = path.read_text(encoding="utf-8")
    assert "http" not in document
    assert not {"script", "link", "iframe"} & {tag for tag, _ in page.tags}


def test_rows_and_markdown_tables_look_alike(tmp_path: Path) -> None:
    rows = [("", "Dice | clean"), ("T-Loss {0}", 0.87)]
    markdown = "|  | Dice \\| clean |\n| :--- | ---: |\n| T-Loss {0} | 0.87 |"
    first = write_page(tmp_path / "a.html", "t", [("h", rows, [])])
    assert first.read_bytes() == write_page(tmp_path / "b.html", "t", [("h", markdown, [])]).read_bytes()
    page = Page(first)
    assert page.text["th"] == ["Dice | clean"]
    assert page.text["td"] == ["T-Loss {0}", "0.87"]
    assert sum(tag == "tr" for tag, _ in page.tags) == 2


def test_marks(tmp_path: Path) -> None:
    text = "a **bold `x`** and `c < d **` & 5 * 3 ** 2\nsame\n\n- first\n- second\n\n**0.870 ± 0.031**\\* \\`"
    page = Page(write_page(tmp_path / "a.html", "t", [("h", text, [])]))
    assert page.text["strong"] == ["bold ", "0.870 ± 0.031"]
    assert page.text["code"] == ["x", "c < d **"]
    assert page.text["li"] == ["first", "second"]
    assert page.text["p"] == ["a ", " and ", " & 5 * 3 ** 2 same", "* `"]


@pytest.mark.parametrize("body", ["", [], ()])
def test_empty_bodies_and_pages(body: str, tmp_path: Path) -> None:
    page = Page(write_page(tmp_path / "a.html", "t", [("only a heading", body, [])]))
    assert "p" not in page.text
    assert page.text["h2"] == ["only a heading"]
    assert Page(write_page(tmp_path / "b.html", "no sections", [])).text["h1"] == ["no sections"]


def test_exceptions(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing\.png does not exist: .*'Results'"):
        write_page(tmp_path / "a.html", "t", [("Results", "", [tmp_path / "missing.png"])])
    (tmp_path / "fake.png").write_text("text")
    with pytest.raises(InputError, match=r"fake\.png is not a PNG"):
        write_page(tmp_path / "a.html", "t", [("Results", "", [tmp_path / "fake.png"])])
    with pytest.raises(InputError, match="2 cells"):
        write_page(tmp_path / "a.html", "t", [("Results", [("a", "b"), ("c",)], [])])
    assert not (tmp_path / "a.html").exists()
