"""The process of a job of `benchmarks.gpu`: runs steps of one bundle, and reports each as it ends.

    python -m benchmarks.gpu_steps TASK

TASK is JSON, as `benchmarks.gpu_jobs.Runner` writes it.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu_context import Context, peaks, reset_peaks
from benchmarks.gpu_jobs import AGAIN
from benchmarks.gpu_networks import step_export, step_infer
from benchmarks.gpu_training import step_agree, step_amp, step_nccl, step_resume, step_study, step_train

STEPS = {
    "train": step_train,
    "amp": step_amp,
    "agree": step_agree,
    "resume": step_resume,
    "infer": step_infer,
    "export": step_export,
    "nccl": step_nccl,
}


def one_line(error: BaseException) -> str:
    """The kind of an error and the first line of its message."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:300] if lines else ''}"


def work_on(task: Mapping[str, Any]) -> int:
    """The process of a job: runs its steps and reports each; after a failure the others need a new process."""

    def report(step: str, **entry: Any) -> None:
        with Path(task["report"]).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **entry}) + "\n")

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    context = Context(task)
    for step in task["steps"]:
        start = time.perf_counter()
        reset_peaks(context)
        try:
            if step in STEPS:
                entry = STEPS[step](context)
            else:
                entry = step_study(context, step, lambda **values: report(step, **values))  # noqa: B023
            report(step, **entry, seconds_in_all=round(time.perf_counter() - start, 1), **peaks(context))
        except Exception as error:
            traceback.print_exc()
            report(step, error=one_line(error))
            return AGAIN
    return 0


if __name__ == "__main__":
    sys.exit(work_on(json.loads(sys.argv[1])))
