"""Tables of metrics that are whole or absent."""

from __future__ import annotations

import csv
import logging
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import monai.handlers
import torch
from ignite.engine import Engine

from common.io.files import writing

logger = logging.getLogger(__name__)

__all__ = ["MetricsSaver"]


class MetricsSaver(monai.handlers.MetricsSaver):
    """MONAI's `MetricsSaver`, with files that are whole or absent, and classes by their names.

    MONAI's own leaves empty files, or files cut short, where the disk is full. Here the tables of an epoch are written
    into a folder beside the old ones and take their place together. MONAI's own calls the columns of a metric without
    the background class0, class1, …, so that class 1 of the labels is class0. The means are logged.

    Args:
        *args: those of MONAI's handler.
        class_names: of the columns of the metrics in ``metric_details``; None for MONAI's, which a class also has whose
            name is that of another column.
        other_names: of the columns of metrics whose columns are no classes but, for example, annotators, by metric.
        **options: those of MONAI's handler.

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

    def __init__(
        self,
        *args: Any,
        class_names: Sequence[str] | None = None,
        other_names: Mapping[str, Sequence[str]] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self.class_names, self.other_names = class_names, other_names or {}

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
                    self._name_classes(table)
                    with table.open("rb") as written:
                        os.fsync(written.fileno())
                for table in tables:
                    os.replace(table, folder / table.name)
        logger.info("%s; tables in %s.", "; ".join(self._means(engine)) or "No metric", folder.absolute())

    def _means(self, engine: Engine) -> list[str]:
        """The value of each metric, and of those with details the mean of each class over the cases that have one."""
        means = []
        for name, value in engine.state.metrics.items():
            found = torch.as_tensor(value).flatten()
            if found.numel() != 1:
                continue
            details = getattr(engine.state, "metric_details", {}).get(name)
            columns = self._columns_of(name)
            classes = ""
            if isinstance(details, torch.Tensor) and details.ndim == 2 and details.shape[1] == len(columns) > 1:
                by_class = zip(columns, details.float().nanmean(0).tolist(), strict=True)
                classes = f" ({', '.join(f'{label} {mean:.4g}' for label, mean in by_class)})"
            means.append(f"{name} {float(found):.4g}{classes}")
        return means

    def _columns_of(self, metric: str) -> Sequence[str]:
        return self.other_names.get(metric, self.class_names or ())

    def _name_classes(self, table: Path) -> None:
        """In the first line of the cases' table, in the first column of their summary."""
        metric, _, kind = table.stem.rpartition("_")
        columns = enumerate(self._columns_of(metric))
        names = {f"class{index}": name for index, name in columns if name not in ("filename", "mean")}
        if not names or kind not in ("raw", "summary"):
            return
        with table.open(encoding="locale", newline="") as file:  # as MONAI has written it
            first, *rows = csv.reader(file, delimiter=self.deli)
        first = [names.get(name, name) for name in first]
        if kind == "summary":
            rows = [[names.get(name, name), *values] for name, *values in rows]
        with table.open("w", encoding="locale", newline="") as file:
            csv.writer(file, delimiter=self.deli, lineterminator="\n").writerows([first, *rows])
