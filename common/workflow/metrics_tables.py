"""Tables of metrics that are whole or absent."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import monai.handlers
from ignite.engine import Engine

from common.io.files import writing

__all__ = ["MetricsSaver"]


class MetricsSaver(monai.handlers.MetricsSaver):
    """MONAI's `MetricsSaver`, with files that are whole or absent.

    MONAI's own leaves empty files, or files cut short, where the disk is full. Here the tables of an epoch are written
    into a folder beside the old ones and take their place together. Arguments are those of MONAI's handler.

    Raises:
        InputError: when called, the folder cannot be written; the message names it and says why.

    Example:
        >>> from ignite.engine import Engine
        >>> engine = Engine(lambda engine, batch: batch)
        >>> engine.state.metrics = {"val_mean_dice": 0.5}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     MetricsSaver(folder)(engine)
        ...     Path(folder, "metrics.csv").read_text()
        'val_mean_dice,0.5\\n'
    """

    def __call__(self, engine: Engine) -> None:
        folder = Path(self.save_dir)
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".partial-", dir=folder) as partial:
                try:
                    self.save_dir = partial
                    super().__call__(engine)
                finally:
                    self.save_dir = str(folder)
                tables = sorted(Path(partial).iterdir())
                for table in tables:
                    with table.open("rb") as written:
                        os.fsync(written.fileno())
                for table in tables:
                    os.replace(table, folder / table.name)
