"""All cases: those that are finished are kept, the others are fused in one or several processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Generator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from common.command import available_cores, end_with_parent
from common.consensus.one_case import Settings, finished_record, fuse_case, record_path, result_path
from common.consensus.sources import FusionCase
from common.errors import InputError, counted, find_input_error, shown_names

__all__ = ["Outcome", "fuse_cases", "other_cases", "require_one_method"]

CASES_OF_A_PROCESS = 8  # starting a process takes as long as some cases


@dataclass(frozen=True)
class Outcome:
    """What became of the cases.

    Attributes:
        records: of `fuse_case`, sorted by case.
        failed: why, by case.
        kept: how many were finished before.

    Example:
        >>> Outcome(records=({"case": "a"},), failed={"b": "b.png cannot be read."}, kept=0).failed["b"]
        'b.png cannot be read.'
    """

    records: tuple[dict[str, Any], ...]
    failed: dict[str, str]
    kept: int


def fuse_cases(cases: Sequence[FusionCase], settings: Settings, processes: int | None = None) -> Outcome:
    """Fuses cases; one that fails is named, and the others go on.

    Args:
        cases: all.
        settings: of the data set.
        processes: each has one case in memory; None: as many as there are cores, and no more than one for 8 cases.

    Returns:
        `Outcome`.

    Raises:
        InputError: ``processes`` is not a whole number from 1 up, or the system ended a process.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> from common.consensus import folder_cases, make_settings
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name, value in {"AR": 0, "HS": 1, "SG": 1}.items():
        ...         os.mkdir(f"{folder}/{name}")
        ...         Image.new("L", (4, 3), value).save(f"{folder}/{name}/a.png")
        ...     sources = folder_cases([f"{folder}/{name}" for name in ("AR", "HS", "SG")])
        ...     settings, _ = make_settings(sources, f"{folder}/consensus", "majority")
        ...     outcome = fuse_cases(sources.cases, settings)
        >>> [record["case"] for record in outcome.records], outcome.failed
        (['a'], {})
    """
    if processes is not None and (isinstance(processes, bool) or not isinstance(processes, int) or processes < 1):
        raise InputError(f"processes: expected a whole number from 1 up, got {processes!r}.")
    records: dict[str, dict[str, Any]] = {}
    failed: dict[str, str] = {}
    waiting = []
    for case in cases:
        record = finished_record(case, settings)
        if record is None:
            waiting.append(case)
        else:
            records[case.name] = record
    kept = len(records)
    number = min(processes or max(1, min(available_cores(), len(waiting) // CASES_OF_A_PROCESS)), max(1, len(waiting)))
    progress = tqdm(total=len(cases), initial=kept, desc="fusing", unit="case", disable=None)
    with progress, closing(_results(waiting, settings, number)) as results:
        for name, record, fault in results:
            progress.update()
            if record is not None:
                records[name] = record
            else:
                failed[name] = fault
                progress.write(f"Case {name}: {fault}", file=sys.stderr)
    _remove_empty(Path(settings.output, "cases"))  # of cases that failed
    return Outcome(tuple(records[name] for name in sorted(records)), dict(sorted(failed.items())), kept)


def require_one_method(cases: Sequence[FusionCase], settings: Settings) -> None:
    """Refuses a folder that holds labels of an earlier command where this one writes probabilities, or the reverse.

    Args:
        cases: of this command.
        settings: of the data set.

    Raises:
        InputError: one is there; it would lie beside the tables of another method.
    """
    other = replace(settings, method="majority" if settings.method == "mean" else "mean")
    for case in cases:
        found = result_path(case, other)
        if found.is_file() and record_path(case, settings).is_file():
            raise InputError(
                f"output: expected a folder for {settings.method} alone, got {settings.output}, which holds {found} of "
                "an earlier command; give another folder, or delete this one."
            )


def other_cases(cases: Sequence[FusionCase], settings: Settings) -> list[str]:
    """That the folder also holds cases of an earlier command which are not among these.

    Args:
        cases: of this command.
        settings: of the data set.

    Returns:
        A sentence, or none.
    """
    records = Path(settings.output, "cases")
    found = {path.relative_to(records).with_suffix("").as_posix() for path in records.rglob("*.json")}
    if not (other := sorted(found - {case.name for case in cases})):
        return []
    return [
        f"{settings.output} also holds {counted(len(other), 'case')} of an earlier command, not of this one: "
        f"{shown_names(other)}. They are in no table and not in the datalist."
    ]


def _results(
    cases: Sequence[FusionCase], settings: Settings, processes: int
) -> Generator[tuple[str, dict[str, Any] | None, str], None, None]:
    if processes == 1:
        for case in cases:
            yield _attempt(case, settings)
        return
    context = multiprocessing.get_context("spawn")  # a fork of a process with OpenMP's threads may stand still
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_one_thread)
    try:
        for future in as_completed([pool.submit(_attempt, case, settings) for case in cases]):
            yield future.result()
    except BrokenProcessPool as error:
        raise InputError(
            f"processes: the system ended one of {processes} processes, probably for lack of memory; give a smaller "
            "number. Finished cases are kept."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)  # `with` would wait for all cases after Ctrl-C


def _remove_empty(folder: Path) -> None:
    """Removes the folders in which there is no file, from the deepest up."""
    for place, _, _ in os.walk(folder, topdown=False):
        with suppress(OSError):  # it holds something
            os.rmdir(place)


def _attempt(case: FusionCase, settings: Settings) -> tuple[str, dict[str, Any] | None, str]:
    try:
        return case.name, fuse_case(case, settings), ""
    except Exception as error:  # decoders of damaged files raise whatever they meet
        found = find_input_error(error)
        text = str(found if found is not None else error).strip() or type(error).__name__
        return case.name, None, " ".join(text.split())


def _one_thread() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is answered by the process that started this one
    torch.set_num_threads(1)
    end_with_parent()
