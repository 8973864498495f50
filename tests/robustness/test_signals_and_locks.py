"""A run that is told to stop, one whose folder another run has, and one whose disk is full."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from bundle_runs import BUNDLES
from conftest import TINY
from ignite.engine import Engine, Events
from PIL import Image
from torch.utils.tensorboard import SummaryWriter
from warm_python import WarmPython

from common.audit.__main__ import audit
from common.errors import InputError
from common.folds import folds
from common.fuse import fuse
from common.io.files import check_writable, read_csv, whole_folder
from common.io.folder_lock import lock_folder, locked_folder, unlock_folder
from common.phantoms.folder import write_phantom_once
from common.workflow import Tracking
from common.workflow.engine_lock import lock_while_running

NAMES = sorted(TINY)
HOLDER = """
import fcntl, sys
file = open(sys.argv[1], "w")
fcntl.lockf(file, fcntl.LOCK_EX)
file.write("process 4711 on ward-7")
file.flush()
print("locked", flush=True)
sys.stdin.read()
"""


def hostile() -> list[Any]:
    return [pytest.param(name, marks=pytest.mark.hostile(name)) for name in NAMES]


@pytest.fixture
def locked() -> Iterator[Callable[[Path], None]]:
    """Lets another process lock a folder as long as the test lasts."""
    processes = []

    def lock(folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-S", "-c", HOLDER, str(folder / ".in_use")]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None and process.stdout.readline() == "locked\n"
        processes.append(process)

    yield lock
    for process in processes:
        process.communicate("")


def when(ready: Callable[[], bool], act: Callable[[], None]) -> threading.Thread:
    """A thread that acts as soon as something is so, and at the latest after two minutes."""

    def wait() -> None:
        deadline = time.monotonic() + 120
        while not ready() and time.monotonic() < deadline:
            time.sleep(0.002)
        act()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def epochs(table: Path) -> int:
    return len(table.read_text(encoding="utf-8").splitlines()) - 1 if table.exists() else 0


@pytest.mark.parametrize("bundle", hostile())
def test_sigterm_in_an_epoch_keeps_the_last_whole_one(
    bundle: str, data_sets: Callable, run_tiny: Callable, tmp_path: Path
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    table, data = tmp_path / "metrics.csv", data_sets(bundle)
    thread = when(lambda: epochs(table) >= 1, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(SystemExit) as stopped:
        run_tiny(bundle, "training", ["train"], data, tmp_path, max_epochs=1000)
    thread.join()
    assert stopped.value.code == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before
    whole = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["epoch"]
    assert whole == epochs(table) >= 1
    assert not list(tmp_path.rglob(".*")), "a lock or something half-written is left"
    run_tiny(bundle, "training", ["train"], data, tmp_path, max_epochs=whole + 1, resume=True)
    assert [int(row["epoch"]) for row in read_csv(table)] == list(range(1, whole + 2))


@pytest.mark.hostile("t_loss")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_exit_codes_of_a_command_that_is_stopped(
    number: signal.Signals, data_sets: Callable, warm_python: WarmPython, tmp_path: Path
) -> None:
    """In its first epoch: what is left is the start, from which the run can be resumed."""
    sizes = {key: value for key, value in TINY["t_loss"]["train"].items() if "#" not in key}
    output = tmp_path / "output"
    places = {"dataset_dir": data_sets("t_loss"), "output_dir": output, "ckpt_dir": output}
    options = {**sizes, **places, "max_epochs": 1000, "device": "cpu"}
    command = ["-m", "monai.bundle", "run", "training", "--config_file", "configs/train.yaml"]
    command += [text for key, value in options.items() for text in (f"--{key}", str(value))]
    process = warm_python.start(*command, folder=BUNDLES / "t_loss")
    when((output / "checkpoint.pt").exists, lambda: process.send_signal(number)).join()
    assert process.wait(timeout=120) == 128 + number, process.output()
    assert "Traceback" not in process.output()
    assert torch.load(output / "checkpoint.pt", weights_only=True)["epoch"] == epochs(output / "metrics.csv")
    assert not list(tmp_path.rglob(".*"))


@pytest.mark.parametrize("bundle", hostile())
def test_two_trainings_into_one_folder(
    bundle: str, locked: Callable, data_sets: Callable, run_tiny: Callable, refused: Callable, tmp_path: Path
) -> None:
    locked(tmp_path)
    with refused(str(tmp_path), "process 4711 on ward-7 is writing into this folder", unchanged=tmp_path):
        run_tiny(bundle, "training", ["train"], data_sets(bundle), tmp_path)


@pytest.mark.hostile("t_loss")
def test_two_inferences_into_one_folder(
    locked: Callable, data_sets: Callable, trained: Callable, run_tiny: Callable, refused: Callable, tmp_path: Path
) -> None:
    locked(tmp_path)
    with refused(str(tmp_path), "process 4711 on ward-7 is writing into this folder", unchanged=tmp_path):
        places = {"ckpt_dir": str(trained("t_loss"))}
        run_tiny("t_loss", "inferring", ["inference"], data_sets("t_loss") / "new", tmp_path, **places)


def test_two_cross_validations_into_one_folder(locked: Callable, data_sets: Callable, tmp_path: Path) -> None:
    """The second one would write into the logs of the first, and train its folds."""
    locked(tmp_path / "runs")
    for name in ("training.log", "checkpoint.pt"):
        (tmp_path / "runs/fold_0").mkdir(exist_ok=True)
        (tmp_path / "runs/fold_0" / name).write_text("of the first")
    with pytest.raises(InputError, match="process 4711 on ward-7 is writing into this folder"):
        folds("t_loss", str(data_sets("t_loss")), str(tmp_path / "runs"), num_folds=2)
    assert (tmp_path / "runs/fold_0/training.log").read_text() == "of the first"
    assert [path.name for path in (tmp_path / "runs").iterdir() if path.is_dir()] == ["fold_0"]


def test_two_fusions_into_one_folder(locked: Callable, tmp_path: Path) -> None:
    for name in ("anna", "ben"):
        (tmp_path / name).mkdir()
        Image.new("L", (4, 3), 255).save(tmp_path / name / "a.png")
    locked(tmp_path / "consensus")
    with pytest.raises(InputError, match="process 4711 on ward-7 is writing into this folder"):
        fuse([str(tmp_path / "anna"), str(tmp_path / "ben")], str(tmp_path / "consensus"), "majority")
    assert [path.name for path in (tmp_path / "consensus").iterdir()] == [".in_use"]


def test_two_audits_into_one_folder(locked: Callable, tmp_path: Path) -> None:
    for name in ("labels", "maps"):
        (tmp_path / name).mkdir()
        Image.new("L", (4, 3), 255).save(tmp_path / name / "a.png")
    locked(tmp_path / "found")
    with pytest.raises(InputError, match="process 4711 on ward-7 is writing into this folder"):
        audit(str(tmp_path / "labels"), str(tmp_path / "maps"), str(tmp_path / "found"))
    assert [path.name for path in (tmp_path / "found").iterdir()] == [".in_use"]


def test_a_lock_ends_with_its_process(locked: Callable, tmp_path: Path) -> None:
    (tmp_path / ".in_use").write_text("process 1 on a machine that lost its power")
    lock_folder(tmp_path)
    assert f"process {os.getpid()} on " in (tmp_path / ".in_use").read_text()
    lock_folder(tmp_path)
    unlock_folder(tmp_path)
    assert list(tmp_path.iterdir()) == []
    locked(tmp_path)
    with pytest.raises(InputError):
        lock_folder(tmp_path)


def test_an_inner_block_leaves_the_lock_of_the_outer_one(tmp_path: Path) -> None:
    with locked_folder(tmp_path / "a"):
        with locked_folder(tmp_path / "a"):
            pass
        assert (tmp_path / "a/.in_use").is_file()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_given_back_alone(tmp_path: Path) -> None:
    """Of two engines in one process the first to end keeps the other's folder locked."""
    folders = [tmp_path / name for name in ("first", "second")]
    engines = [Engine(lambda engine, batch: None) for _ in folders]
    for engine, folder in zip(engines, folders, strict=True):
        lock_while_running(engine, folder)
    held: list[bool] = []
    engines[0].add_event_handler(Events.ITERATION_COMPLETED, lambda: engines[1].run([0]))
    engines[0].add_event_handler(
        Events.ITERATION_COMPLETED, lambda: held.extend((folder / ".in_use").is_file() for folder in folders)
    )
    engines[0].run([0])
    assert held == [True, False] and not any((folder / ".in_use").exists() for folder in folders)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Mounts a file system of so many kilobytes, or one that cannot be written to."""
    mounted = []

    def mount(kilobytes: int, read_only: bool = False) -> Path:
        folder = tmp_path / f"disk{len(mounted)}"
        folder.mkdir()
        options = f"size={kilobytes}k" + (",ro" if read_only else "")
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize("bundle", hostile())
def test_a_full_disk_ends_a_training(
    bundle: str, small_disk: Callable, data_sets: Callable, run_tiny: Callable, refused: Callable
) -> None:
    disk = small_disk(8)
    with refused("checkpoint.pt cannot be written: No space left on device"):
        run_tiny(bundle, "training", ["train"], data_sets(bundle), disk)
    assert list(disk.iterdir()) == []


@pytest.mark.parametrize("bundle", hostile())
def test_a_full_disk_ends_an_inference(
    bundle: str, small_disk: Callable, data_sets: Callable, trained: Callable, run_tiny: Callable, refused: Callable
) -> None:
    disk = small_disk(4)
    model = {"ckpt_dir": str(trained(bundle))}
    with refused(str(disk), "cannot be written: No space left on device", unchanged=disk):
        run_tiny(bundle, "inferring", ["inference"], data_sets(bundle) / "new", disk, **model)


@pytest.mark.parametrize("bundle", hostile())
def test_a_read_only_folder(bundle: str, small_disk: Callable, run_tiny: Callable, refused: Callable) -> None:
    disk = small_disk(64, read_only=True)
    with refused("output_dir", str(disk / "results"), "is read-only"):
        run_tiny(bundle, "inferring", ["inference"], "images", disk / "results")


def full(*_: Any, **__: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_mount_point_is_refused_before_anything_is_written(small_disk: Callable, refused: Callable) -> None:
    """Nothing can take its place."""
    disk = small_disk(64)
    with refused(str(disk), "got a mount point; name a folder in it", unchanged=disk), whole_folder(disk) as partial:
        (partial / "a.txt").touch()
    with whole_folder(disk / "data") as partial:
        (partial / "a.txt").touch()
    assert (disk / "data/a.txt").is_file()


def test_a_full_disk_ends_the_writing_of_a_phantom(refused: Callable, tmp_path: Path) -> None:
    with refused("phantom cannot be written: No space left on device", unchanged=tmp_path):
        write_phantom_once(tmp_path / "phantom", {"size": 1}, full)


def test_a_full_disk_ends_tensorboard(refused: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread that writes hands its error to the next call."""
    engine = Engine(lambda engine, batch: {"loss": torch.tensor(1.0)})
    Tracking(str(tmp_path)).attach(engine)
    monkeypatch.setattr(SummaryWriter, "add_scalar", full)
    with refused("tensorboard cannot be written: No space left on device"):
        engine.run(range(20), max_epochs=1)


@pytest.mark.parametrize("kind", ["a loop of links", "a name that is too long", "below a file"])
def test_folders_that_cannot_be_are_named_before_anything_is_read(kind: str, refused: Callable, tmp_path: Path) -> None:
    folder = tmp_path / "a"
    if kind == "a loop of links":
        folder.symlink_to(tmp_path / "b")
        (tmp_path / "b").symlink_to(folder)
    elif kind == "a name that is too long":
        folder = tmp_path / ("a" * 300)
    else:
        (tmp_path / "file").write_text("mine")
        folder = tmp_path / "file/results"
    with refused("ckpt_dir: "):
        check_writable("ckpt_dir", folder / "models")
