"""Options and help of every command: `python -m common.<verb>`."""

from __future__ import annotations

import inspect
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common.audit.__main__ import audit
from common.command import call_command, make_parser, read_words, run_command
from common.convert import convert
from common.demo import demo
from common.folds import folds
from common.fuse import fuse
from common.measure import measure
from common.package import package
from common.report.__main__ import COMMANDS
from common.threshold import threshold

REPOSITORY = Path(__file__).parents[2]
COMMON = REPOSITORY / "common"
VERBS: dict[str, Callable[..., Any]] = {
    **{f"report {name}": function for name, function in COMMANDS.items()},
    "audit": audit,
    "convert": convert,
    "demo": demo,
    "folds": folds,
    "fuse": fuse,
    "measure": measure,
    "package": package,
    "threshold": threshold,
}
MOST_COLUMNS = 80
MOST_COLUMNS_OF_AN_EXAMPLE = 100


def help_of(verb: str) -> str:
    return make_parser(VERBS[verb], verb.partition(" ")[2]).format_help()


def examples_of(verb: str) -> list[str]:
    return [line.strip() for line in help_of(verb).partition("\nexamples:\n")[2].split("\n") if "python -m" in line]


def refused(function: Callable[..., Any], words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on stderr with which a command line is refused, before the function is called."""
    with pytest.raises(SystemExit) as raised:
        read_words(function, words)
    (sentence,) = capsys.readouterr().err.splitlines()
    assert raised.value.code == 2 and sentence.startswith("Error: ")
    return sentence.removeprefix("Error: ")


def test_all_commands_are_listed() -> None:
    found = {
        path.parent.name if path.stem == "__main__" else path.stem
        for path in COMMON.rglob("*.py")
        if re.search(r"^    run_command\(", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert found == {verb.split()[0] for verb in VERBS}


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_says_each_option_and_its_default(verb: str) -> None:
    shown = help_of(verb)
    assert shown.startswith(f"usage: python -m common.{verb} ")
    assert "exit codes:" in shown
    for name, parameter in inspect.signature(VERBS[verb]).parameters.items():
        heading = "--KEY" if parameter.kind is parameter.VAR_KEYWORD else f"--{name}"
        entry = re.search(rf"^  (?:{heading}|{name.upper()})\b(.*?)(?=^  \S|^\S|\Z)", shown, re.DOTALL | re.MULTILINE)
        assert entry is not None, name
        text = " ".join(entry[1].split())
        assert len(re.findall(r"[a-z]{2,}", text)) > 2, f"{name}: {text!r} says no meaning"
        optional = parameter.default is not parameter.empty and f"--{name} {name.upper()}" not in shown.split("\n\n")[0]
        assert ("default" in text) == optional, f"{name}: {text!r}"
        if isinstance(parameter.default, int | float) or (isinstance(parameter.default, str) and parameter.default):
            assert f"(default: {str(parameter.default).lower()})" in text.lower(), name


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_is_plain_text_that_fits_a_terminal(verb: str) -> None:
    shown = help_of(verb)
    assert not re.search(r"`|\bOptional\[|\bUnion\[|Sequence\[|\*\*|\x1b|[─│╭]", shown)
    for line in shown.splitlines():
        most = MOST_COLUMNS_OF_AN_EXAMPLE if "python -m" in line else MOST_COLUMNS
        assert len(line) <= most, line


@pytest.mark.parametrize("verb", VERBS)
def test_the_examples_of_the_help_are_understood(verb: str) -> None:
    examples = examples_of(verb)
    assert examples
    for example in examples:
        start = f"python -m common.{verb}"
        assert example == start or example.startswith(f"{start} ")
        bound = read_words(VERBS[verb], shlex.split(example.removeprefix(start)))
        inspect.signature(VERBS[verb]).bind(*bound.args, **bound.kwargs)
        further = bound.arguments.get("options", {})
        assert set(further) <= {"max_epochs"}, "an option of the command that is mistyped"


def commands_of_pages() -> list[str]:
    """The lines of the pages, and of the Makefile, that are to be typed."""
    pages = [REPOSITORY / "README.md", REPOSITORY / "Makefile", *REPOSITORY.glob("docs/**/*.md")]
    found = set()
    for page in pages:
        text = page.read_text(encoding="utf-8")
        found |= set(re.findall(r"^(?:\t\S*)?python -m common\.(\w+ [^\n#]*)", text, re.MULTILINE))
    return sorted(line.strip() for line in found)


@pytest.mark.parametrize("line", commands_of_pages())
def test_what_the_pages_say_to_type_is_understood(line: str) -> None:
    verb, *words = shlex.split(line)
    given = read_words(VERBS[verb], words).arguments
    assert given.pop("options", {}) == {} and given


@pytest.mark.parametrize("words", [["--help"], ["-h"]])
def test_the_command_prints_its_help(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(sys, "argv", ["fuse.py", *words])
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as raised:
            run_command(fuse)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert raised.value.code == 0
    assert capsys.readouterr().out == help_of("fuse")


def test_a_command_with_several_verbs_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], ["--help"]):
        with pytest.raises(SystemExit) as raised:
            call_command(COMMANDS, words)
        shown = capsys.readouterr().out
        assert raised.value.code == 0 and shown.startswith("usage: python -m common.report VERB")
        assert all(re.search(rf"^  {name} +Draws ", shown, re.MULTILINE) for name in COMMANDS)
    with pytest.raises(SystemExit) as raised:
        call_command(COMMANDS, ["overlays", "a.png", "b.png"])
    assert raised.value.code == 2
    assert "overlays: expected one of confusion, memorisation, nu_path, overlay" in (said := capsys.readouterr().err)
    assert said.endswith("did you mean overlay?\n")


@pytest.mark.parametrize(
    ("function", "words", "message"),
    [
        (audit, ["--label", "a"], "--label: there is no such option; did you mean --labels?"),
        (convert, ["--images", "a", "--colours=3"], "--colours: there is no such option; see python -m common.convert"),
        (convert, ["--images", "a"], "the following arguments are required: --output; see python -m common.convert"),
        (package, ["t_loss", "--ouput", "dist"], "--ouput: there is no such option; did you mean --output?"),
        (fuse, ["--output", "c", "--max-iteration", "3"], "did you mean --max_iterations?"),
        (audit, ["--labels", "a"], "the following arguments are required: --probabilities, --output; see"),
        (fuse, ["--labels", "a", "b"], "the following arguments are required: --output; see"),
        (package, [], "the following arguments are required: BUNDLE; see"),
        (package, ["t_loss", "bwcr"], "unrecognized arguments: bwcr; see"),
        (fuse, ["--output", "c", "--tolerance", "small"], "--tolerance: expected a number, got 'small'; see"),
        (fuse, ["--output", "c", "--ignore_value", "2.5"], "--ignore_value: expected a whole number, got '2.5'; see"),
        (fuse, ["--output", "c", "--half_window", "3", "x"], "--half_window: expected a whole number, got 'x'; see"),
        (package, ["all", "--train", "maybe"], "--train: expected true or false, got 'maybe'; see"),
        (threshold, ["--probabilities", "a", "--output"], "--output: expected one argument; see"),
    ],
)
def test_a_command_line_that_is_wrong_is_one_sentence(
    function: Callable[..., Any], words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in refused(function, words, capsys)


@pytest.mark.parametrize(
    ("function", "line", "expected"),
    [
        (fuse, "--labels AR/ HS/ --output c", {"labels": ["AR/", "HS/"], "output": "c"}),
        (fuse, "--labels AR/,HS/ --output=c", {"labels": ["AR/", "HS/"], "output": "c"}),
        (
            fuse,
            "--dataset-dir d --annotators \"['07','1e3']\" --output 07",
            {"annotators": ["07", "1e3"], "output": "07"},
        ),
        (fuse, "--output c --ignore-value -1 --half_window 3", {"ignore_value": -1, "half_window": 3}),
        (fuse, "--output c --ignore_value #00ff00", {"ignore_value": "#00ff00"}),
        (fuse, "--output c --half_window 3,3,1 --prior 0.9 0.1", {"half_window": [3, 3, 1], "prior": [0.9, 0.1]}),
        (fuse, "--output c --class_values \"{'a': 0, 'b': 255}\"", {"class_values": {"a": 0, "b": 255}}),
        (audit, "--labels l --probabilities p,q --output o --maps", {"maps": True, "probabilities": ["p", "q"]}),
        (audit, "--labels l --probabilities p --output o --maps False", {"maps": False, "labels": "l"}),
        (package, "--output d --train=false all", {"bundle": "all", "train": False}),
        (demo, "--output d", {"output": "d"}),
        (COMMANDS["memorisation"], "--output a.png 07 T:1e3", {"runs": ["07", "T:1e3"], "output": "a.png"}),
        (COMMANDS["predictions"], "i t A:x B:y", {"image": "i", "truth": "t", "maps": ["A:x", "B:y"]}),
        (
            folds,
            "t_loss --dataset_dir d --amp --max-epochs 60 --train#random '[1, 2]' --device=cpu --overlays a b",
            {
                "bundle": "t_loss",
                "overlays": ["a", "b"],
                "options": {"amp": True, "max_epochs": 60, "train#random": [1, 2], "device": "cpu"},
            },
        ),
    ],
)
def test_values_of_options(function: Callable[..., Any], line: str, expected: dict[str, Any]) -> None:
    given = read_words(function, shlex.split(line)).arguments
    assert {name: given[name] for name in expected} == expected
    assert set(given) <= set(inspect.signature(function).parameters)


def test_a_path_with_a_comma_is_one_value(tmp_path: Path) -> None:
    (tmp_path / "a,b").mkdir()
    words = ["--labels", str(tmp_path / "a,b"), "c,d", "--output", "e"]
    assert read_words(fuse, words).arguments["labels"] == [str(tmp_path / "a,b"), "c", "d"]


PARENT = """
import multiprocessing, time
from common.command import end_with_parent

def work():
    end_with_parent()
    print("working", flush=True)
    time.sleep(60)

if __name__ == "__main__":
    multiprocessing.get_context("spawn").Process(target=work).start()
    time.sleep(60)
"""


def test_a_process_ends_with_the_one_that_started_it(tmp_path: Path) -> None:
    """Also if that is killed; what the process writes to ends, too."""
    (tmp_path / "parent.py").write_text(PARENT, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, str(tmp_path / "parent.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None and parent.stdout.readline() == "working\n"
        parent.kill()
        began = time.monotonic()
        assert parent.stdout.read() == ""
    assert time.monotonic() - began < 30
