"""The site of docs/: every page is in the navigation, links lead somewhere, every package has its page."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import config_lint as lint
import pytest
import torch
import yaml
from monai.bundle import ConfigParser

REPOSITORY = Path(__file__).parents[1]
DOCS = REPOSITORY / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]+))?\)")


def navigation(entry: Any) -> Iterator[str]:
    if isinstance(entry, str):
        yield entry
    else:
        for value in entry.values() if isinstance(entry, dict) else entry:
            yield from navigation(value)


def headings(path: Path) -> set[str]:
    """Anchors of a page, as GitHub and MkDocs make them of headings."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", title).strip().lower()) for title in titles}


def broken_links(path: Path) -> list[str]:
    found = []
    for target, anchor in LINK.findall(re.sub(r"`[^`\n]*`", "", path.read_text(encoding="utf-8"))):
        file = path.parent / target if target else path
        if not file.exists():
            found.append(f"{target} does not exist")
        elif anchor and anchor not in headings(file):
            found.append(f"{target or path.name} has no heading #{anchor}")
    return found


def test_every_page_is_in_the_navigation_once() -> None:
    config = yaml.safe_load((REPOSITORY / "mkdocs.yml").read_text(encoding="utf-8"))
    assert sorted(navigation(config["nav"])) == PAGES


@pytest.mark.parametrize("page", [*(f"docs/{page}" for page in PAGES), "README.md"])
def test_links(page: str) -> None:
    assert broken_links(REPOSITORY / page) == []


@pytest.fixture(scope="module")
def configs() -> list[dict[str, Any]]:
    return [yaml.safe_load(path.read_text(encoding="utf-8")) for path in REPOSITORY.glob("bundles/*/configs/*.yaml")]


@pytest.mark.parametrize("page", PAGES)
def test_options_of_commands_exist(page: str, configs: list[dict[str, Any]]) -> None:
    """In some bundle; those of the methods' pages in the method's own, see test_configs.py."""
    assert lint.mistyped_options((DOCS / page).read_text(encoding="utf-8"), configs) == []


@pytest.mark.parametrize("page", PAGES)
def test_links_stay_on_the_site(page: str) -> None:
    """What lies outside docs/ is not published."""
    for target, _ in LINK.findall((DOCS / page).read_text(encoding="utf-8")):
        assert (DOCS / page).parent.joinpath(target).resolve().is_relative_to(DOCS), target


def test_every_package_has_its_page() -> None:
    shown = {name for page in DOCS.glob("api/*.md") for name in re.findall(r"^::: (\S+)$", page.read_text(), re.M)}
    packages = {f"common.{path.parent.name}" for path in REPOSITORY.glob("common/*/__init__.py")}
    assert packages <= shown


def test_every_result_is_on_a_page() -> None:
    """A figure that a page shows or links, a table between its markers or by its name."""
    text = "\n".join((DOCS / page).read_text(encoding="utf-8") for page in PAGES)
    files = {path.name for path in DOCS.glob("results/*")}
    assert {name for name in files if name.removesuffix(".json").removesuffix("_clean") not in text} == set()


def test_broken_links_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A b\n\n## C: d, e\n\n[x](#c-d-e) [x](no.md) ![x](page.md#a-b) [x](page.md#c) `[x](y)` [x](https://z)\n"
    )
    assert broken_links(page) == ["no.md does not exist", "page.md has no heading #c"]


CODE = re.compile(
    r"^```.*?^```|`[^`\n]*`|\]\([^)]*\)|<!-- results.*?/results[^>]*-->|\$\$.*?\$\$|\$[^$\n]+\$",
    re.DOTALL | re.MULTILINE,
)
BRITISH = re.compile(
    r"\b((?:normal|memor|optim|maxim|minim|general|initial|recogn|summar|parametr|discret|raster|synchron|organ)is(?:e|ed|es|er|ing|ation)|"
    r"(?:colour|neighbour|favour|behaviour|grey|tumour|artefact)\w*|centred?|licence|(?:un)?labell(?:ed|ing)|(?:milli)?metres?|spoilt)\b",
    re.IGNORECASE,
)
GLOSSARY = re.compile(r"\b(raters?|readers?)\b", re.IGNORECASE)
WRITTEN = [*(f"docs/{page}" for page in PAGES), "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"]
WRITTEN += [path.relative_to(REPOSITORY).as_posix() for path in REPOSITORY.glob("bundles/*/docs/README.md")]


@pytest.mark.parametrize("page", WRITTEN)
def test_words(page: str) -> None:
    """American English, and the glossary's word for who labels."""
    prose = CODE.sub("", (REPOSITORY / page).read_text(encoding="utf-8"))
    assert [found[0] for found in BRITISH.finditer(prose)] == []
    if page != "docs/glossary.md":
        assert GLOSSARY.findall(prose) == []


@pytest.mark.parametrize("page", WRITTEN)
def test_prose_is_wrapped(page: str) -> None:
    """Tables, code, formulas and pictures cannot be."""
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    text = re.sub(r"^ *```.*?^ *```|^\$\$.*?\$\$", "", text, flags=re.DOTALL | re.MULTILINE)
    assert [line for line in text.splitlines() if len(line) > 120 and line.lstrip()[0] not in "|!<"] == []
    indented = re.findall(r"(?<=\n\n)    .*", text)
    assert indented == [], "code stands between ```, where nobody takes it for prose and wraps it"


NAMES_THAT_STAY = re.compile(  # public before the house spoke American English, see CHANGELOG.md; and files of others
    r"\w*(?:neighbour_slices|NeighbourSlicesd|without_unlabelled|memorisation|MemorisationCurve)\b|\"neighbours\"|"
    r"``neighbours``|'neighbours'|\bneighbours(?= \[)|\bmillimetres(?=[:=,)`\n]| =| if| else| and)|\"LICENCE\""
)


@pytest.mark.parametrize("room", sorted(path.parent.name for path in REPOSITORY.glob("common/*/__init__.py")))
def test_words_of_code(room: str) -> None:
    """Docstrings, comments, messages and names of ``common`` are American English, too."""
    for path in (REPOSITORY / "common" / room).rglob("*.py"):
        text = NAMES_THAT_STAY.sub("", path.read_text(encoding="utf-8")).replace("_", " ")
        assert [found[0] for found in BRITISH.finditer(text)] == [], path


METHODS = sorted(path.stem for path in (DOCS / "methods").glob("*.md"))
LABELS = {  # of the loader that a page's configuration names
    "bwcr": {"label": torch.ones(2, 1, 32, 32), "label_weight": torch.ones(2, 1, 32, 32)},
    "disentangling_annotators": {"label": torch.zeros(2, 3, 32, 32)},
}


def block(page: str, heading: str, language: str) -> str:
    """The first block of code below a heading of a method's page."""
    text = (DOCS / f"methods/{page}.md").read_text(encoding="utf-8").split(f"### {heading}\n", 1)[1]
    return re.findall(rf"```{language}\n(.*?)```", text.split("\n### ")[0], re.DOTALL)[0]


@pytest.mark.parametrize("page", METHODS)
def test_example_for_pytorch_runs(page: str) -> None:
    source = block(page, "PyTorch", "python")
    exec(compile(source, f"{page}.md", "exec"), {})


@pytest.mark.parametrize("page", METHODS)
def test_example_of_a_configuration_runs(page: str) -> None:
    batch = {"image": torch.rand(2, 1, 32, 32)} | LABELS.get(page, {"label": torch.ones(2, 1, 32, 32)})
    parser = ConfigParser({"loader": [batch], **yaml.safe_load(block(page, "A MONAI configuration", "yaml"))})
    engine = parser.get_parsed_content("trainer" if "trainer" in parser else "evaluator")
    engine.logger.setLevel("ERROR")
    engine.run()
    assert engine.state.iteration == 1


@pytest.mark.parametrize("page", METHODS)
def test_examples_for_others_are_python(page: str) -> None:
    for heading in ("Lightning", "nnU-Net v2"):
        source = block(page, heading, "python")
        for module, names in re.findall(r"^from (common\S*) import (.*)$", source, re.MULTILINE):
            for name in names.split(", "):
                assert hasattr(importlib.import_module(module), name), f"{page}: {module}.{name}"
        compile(source, f"{page}.md", "exec")
