"""Hippocampus MRI, Task04 of the Medical Segmentation Decathlon (Antonelli et al. 2022)."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from monai.apps.datasets import DecathlonDataset
from monai.apps.utils import download_url, extractall

TASK = "Task04_Hippocampus"


def fetch_hippocampus(folder: str | os.PathLike[str]) -> str:
    """Downloads the data set (27 MB) by MONAI's downloader, checks its hash and unpacks it.

    ``python -c "from common.datasets import fetch_hippocampus; fetch_hippocampus('/data')"``

    Args:
        folder: that will hold ``Task04_Hippocampus.tar`` and the data set's folder, made if need be. What is there
            already is left as it is; the folder appears when it is complete.

    Returns:
        The data set's folder, absolute, for `read_dataset`.
    """
    root = Path(folder).expanduser().absolute()
    dataset, archive = root / TASK, root / f"{TASK}.tar"
    if not dataset.is_dir():
        # not DecathlonDataset's own download=True, nor download_and_extract: they need the package requests
        download_url(DecathlonDataset.resource[TASK], archive, hash_val=DecathlonDataset.md5[TASK], hash_type="md5")
        with tempfile.TemporaryDirectory(prefix=f".{TASK}-", dir=root) as partial:
            extractall(archive, partial)
            Path(partial, TASK).rename(dataset)
    return str(dataset)
