"""Files are whole or absent, whatever happens while they are written."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import InputError
from common.io.files import read_csv, read_result, whole_file, whole_folder, write_csv

KILLED = """
import os, signal, sys
from common.io.files import whole_file
with whole_file(sys.argv[1]) as partial:
    partial.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=8)


def test_writes_through_missing_folders(tmp_path: Path) -> None:
    target = tmp_path / "a/b/c.nii.gz"
    with whole_file(target) as partial:
        assert partial.parent.parent == target.parent, "on the same file system"
        assert partial.suffixes == [".nii", ".gz"]
        partial.write_bytes(b"whole")
        assert not target.exists()
    assert target.read_bytes() == b"whole"
    assert list(target.parent.iterdir()) == [target]


def test_replaces_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("a longer old text")
    with whole_file(target) as partial:
        partial.write_text("new")
    assert target.read_text() == "new"


def test_failure_leaves_the_old_file_alone(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError, match="disc full"), whole_file(target) as partial:
        partial.write_text("half")
        raise RuntimeError("disc full")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_forgetting_to_write_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "a.txt"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_killed_while_writing(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    done = subprocess.run([sys.executable, "-c", KILLED, str(target)])
    assert done.returncode == -signal.SIGKILL
    assert target.read_text() == "old"


@settings(deadline=None, max_examples=50)
@given(st.lists(st.dictionaries(TEXT, TEXT, min_size=1, max_size=4), min_size=1, max_size=5))
def test_csv_round_trip(rows: list[dict[str, str]]) -> None:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with tempfile.TemporaryDirectory() as folder:
        write_csv(f"{folder}/a.csv", rows)
        assert read_csv(f"{folder}/a.csv") == [{key: row.get(key, "") for key in columns} for row in rows]


def test_csv_columns(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "nu, start": None, "loss": 0.25}])
    assert (tmp_path / "a.csv").read_text() == 'epoch,loss,"nu, start"\n1,0.5,\n2,0.25,\n'
    write_csv(tmp_path / "a.csv", [])
    assert read_csv(tmp_path / "a.csv") == []


def test_a_folder_takes_the_place_of_the_old_one_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "a/b"
    with whole_folder(target) as partial:
        Path(partial, "old.txt").touch()
        assert not target.exists() and partial.parent.parent == target.parent, "on the same file system"
    with pytest.raises(RuntimeError, match="disc full"), whole_folder(target) as partial:
        Path(partial, "half.txt").touch()
        raise RuntimeError("disc full")
    assert [path.name for path in target.iterdir()] == ["old.txt"]
    with whole_folder(target) as partial:
        Path(partial, "new.txt").touch()
    assert [path.name for path in target.iterdir()] == ["new.txt"] and list(target.parent.iterdir()) == [target]


def test_the_place_of_a_folder_may_be_the_current_one_or_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there")
    monkeypatch.chdir(tmp_path / "here")
    for place, name in ((".", "here"), (tmp_path / "link", "there")):
        with whole_folder(place) as partial:
            Path(partial, "new.txt").touch()
        assert (tmp_path / name / "new.txt").exists()
    assert (tmp_path / "link").is_symlink()


@pytest.mark.parametrize(
    "text, message",
    [
        (None, r"metrics\.csv does not exist: expected the metrics\.csv of a training run\.$"),
        ("", "must have rows with the columns epoch, loss; it lacks epoch"),
        ("epoch,loss\n", "must have rows with the columns epoch, loss; it lacks epoch"),
        ("epoch,dice\n1,0.5\n", "must have rows with the columns epoch, loss; it lacks loss"),
        ("epoch,loss\n1,0.5\n2,high\n", r"metrics\.csv, line 3: expected a number as loss, got 'high'\.$"),
    ],
)
def test_a_table_of_a_run_that_was_changed_by_hand(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "metrics.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_result(tmp_path / "metrics.csv", ["epoch", "loss"], ["loss"], "a training run")


def test_an_empty_field_of_a_run_is_kept(tmp_path: Path) -> None:
    write_csv(tmp_path / "metrics.csv", [{"epoch": 1, "dice": ""}, {"epoch": 2, "dice": 0.5}])
    rows = read_result(tmp_path / "metrics.csv", ["epoch", "dice"], ["dice"])
    assert [row["dice"] for row in rows] == ["", "0.5"]
