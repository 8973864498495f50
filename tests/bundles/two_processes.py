"""Runs bundles in two processes that train together: ``python two_processes.py JOBS``.

The file names, one JSON object per line, what `bundle_runs.run_bundle` takes. One interpreter imports everything and
forks the second process, and both stay for all jobs, because starting them costs more than such a training.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import torch
from bundle_runs import run_bundle

from common import datasets, io, losses, methods, metrics, networks, phantoms, transforms, workflow

for room in (datasets, io, losses, methods, metrics, networks, phantoms, transforms, workflow):
    for name in room.__all__:
        getattr(room, name)  # loaded once, for both processes


def main(jobs: Path) -> int:
    second = os.fork()
    rank = int(second == 0)
    os.environ["LOCAL_RANK"] = str(rank)
    torch.distributed.init_process_group("gloo", init_method=f"file://{jobs}.store", rank=rank, world_size=2)
    for line in jobs.read_text(encoding="utf-8").splitlines():
        job = json.loads(line)
        overrides = job.pop("overrides")
        run_bundle(**job, **overrides, finalize=[])  # the group of processes is for the next job too
    torch.distributed.destroy_process_group()
    return os.waitstatus_to_exitcode(os.waitpid(second, 0)[1]) if second else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute()))
