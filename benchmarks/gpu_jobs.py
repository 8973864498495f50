"""Steps of a benchmark in processes of their own, within a given time, and the record of what each one found."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
AGAIN = 75  # exit code of a process that reported a failed step and leaves the others to a new one
SHARES = {"alone": 0.4, "together": 0.75, "study": 1.0}  # of the time, when each part ends at the latest


def latest_ends(seconds: float, parts: Sequence[str]) -> dict[str, float]:
    """When each part ends at the latest, in seconds from the start; the last one has all that is left.

    >>> latest_ends(100, ["alone", "together"])
    {'alone': 53.333333333333336, 'together': 100.0}
    """
    whole = SHARES[parts[-1]]
    return {part: seconds * SHARES[part] / whole for part in parts}


class Results:
    """The record of all steps, a JSON file that is whole after each of them.

    Args:
        path: of the file; its folder is made.
        about: what is known before the first step.
    """

    def __init__(self, path: Path, about: Mapping[str, Any]) -> None:
        self.path, self.content = path, {**about, "steps": {}, "failed": []}
        self.write()

    def add(self, job: str, entry: Mapping[str, Any]) -> None:
        """Writes a step's entry, in place of an earlier one of the same step."""
        entry = dict(entry)
        step = entry.pop("step")
        self.content["steps"].setdefault(job, {})[step] = entry
        self.content["failed"] = [
            f"{name}/{key}: {value['error']}"
            for name, steps in self.content["steps"].items()
            for key, value in steps.items()
            if "error" in value
        ]
        self.write()

    def write(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_name(self.path.name + ".partial")
        partial.write_text(json.dumps(self.content, indent=1) + "\n", encoding="utf-8")
        partial.replace(self.path)


@dataclass
class Job:
    """Steps that run one after the other, in one process unless one of them fails."""

    name: str
    bundle: str
    steps: list[str]  # that have not ended
    process: subprocess.Popen[bytes] | None = None
    report: Path = Path()  # where the process writes a line for each step
    read: int = 0  # lines of it that were read


class Runner:
    """Starts the jobs' processes, reads what they report, and ends them when the time is up.

    Args:
        results: where the steps' entries go.
        settings: of all steps: device, scale, data, work.
        cores: shared among the jobs that run side by side.
    """

    def __init__(self, results: Results, settings: Mapping[str, Any], cores: int) -> None:
        self.results, self.settings, self.cores = results, settings, cores

    def run(self, jobs: Sequence[Job], parallel: int, deadline: float) -> None:
        """Runs the jobs, at most ``parallel`` at once, until ``deadline`` (of `time.time`)."""
        waiting, running = [job for job in jobs if job.steps], list[Job]()
        threads = max(1, self.cores // max(1, min(parallel, len(waiting))))
        while waiting or running:
            if time.time() >= deadline:
                for job in running:
                    self._stop(job)
                for job in running + waiting:
                    for step in list(job.steps):
                        self._add(job, {"step": step, "error": "not started, no time was left"})
                return
            while waiting and len(running) < parallel:
                running.append(waiting.pop(0))
                self._start(running[-1], threads, deadline)
            time.sleep(0.1)
            for job in list(running):
                assert job.process is not None
                code = job.process.poll()  # before reading: an ended process reports nothing more
                self._read(job)
                if code is None:
                    continue
                running.remove(job)
                if job.steps and code != AGAIN:
                    self._add(job, {"step": job.steps[0], "error": f"the process ended with exit code {code}"})
                if job.steps:
                    waiting.insert(0, job)

    def _start(self, job: Job, threads: int, deadline: float) -> None:
        work = Path(self.settings["work"])
        job.report, job.read = work / f"{job.name}-{job.steps[0]}.jsonl", 0
        job.report.write_text("", encoding="utf-8")
        task = {**self.settings, "bundle": job.bundle, "steps": job.steps, "deadline": deadline}
        environment = os.environ | {"OMP_NUM_THREADS": str(threads), "MPLBACKEND": "Agg"}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))
        environment["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # without it matrix products are not deterministic
        if self.settings["device"] == "cpu":
            environment["CUDA_VISIBLE_DEVICES"] = ""
        with job.report.with_suffix(".log").open("wb") as log:
            job.process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.gpu_steps", json.dumps(task | {"report": str(job.report)})],
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _read(self, job: Job) -> None:
        lines = job.report.read_text(encoding="utf-8").split("\n")[:-1]
        for line in lines[job.read :]:
            self._add(job, json.loads(line))
        job.read = len(lines)

    def _add(self, job: Job, entry: dict[str, Any]) -> None:
        if "error" in entry and job.report.is_file():
            log = job.report.with_suffix(".log").read_text(encoding="utf-8", errors="replace")
            entry["log"] = log.splitlines()[-12:]
        self.results.add(job.name, entry)
        if not entry.get("unfinished"):
            job.steps.remove(entry["step"])
            print(f"{job.name}/{entry['step']}: {entry.get('error', 'done')}", flush=True)

    def _stop(self, job: Job) -> None:
        """Ends a job: what its running step has reported so far stays, one that has reported nothing has failed."""
        assert job.process is not None
        os.killpg(job.process.pid, signal.SIGKILL)
        job.process.wait()
        self._read(job)
        if job.steps and job.steps[0] in self.results.content["steps"].get(job.name, {}):
            job.steps.pop(0)
        elif job.steps:
            self._add(job, {"step": job.steps[0], "error": "stopped, no time was left"})
