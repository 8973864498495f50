"""What a trained network has learned of each annotator, as one matrix each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from ignite.engine import Engine, Events
from torch.nn.functional import one_hot

from common.errors import InputError
from common.io.files import write_csv


class ConfusionTable:
    r"""Ignite handler of an evaluator: averages the pixel-wise confusion matrices and writes ``confusion.csv``.

    $$ \bar A^{(r)}_{ij} = \frac{1}{|S_j|} \sum_{x \in S_j} A^{(r)}_{ij}(x), \qquad S_j = \{x : \hat y(x) = j\} $$

    over the pixels of all images that the network takes for class j. A row per annotator and entry: ``annotator``,
    ``written`` (i) and ``true`` (j), classes in their order, and ``probability``; those of a class that was never found
    stay empty. `common.report.draw_confusion_matrices` draws such matrices.

    Args:
        folder: folder in which ``confusion.csv`` is written.
        annotators: the names of all R annotators.
        keys: keys of the matrices ``(R, L, L, *spatial)`` and of the estimated class ``(1, *spatial)`` in the output.
        class_names: of all L classes, background included; None for their numbers.

    Raises:
        InputError: when running, if there are matrices of another number of annotators or classes.

    Example:
        >>> import tempfile
        >>> item = {"pred_confusion": torch.tensor([[0.9, 0.2], [0.1, 0.8]]).view(1, 2, 2, 1), "pred": torch.ones(1, 1)}
        >>> engine = Engine(lambda engine, batch: batch)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     ConfusionTable(folder, ["AR"]).attach(engine)
        ...     _ = engine.run([[item]])
        ...     Path(folder, "confusion.csv").read_text().splitlines()
        ['annotator,written,true,probability', 'AR,0,0,', 'AR,0,1,0.2', 'AR,1,0,', 'AR,1,1,0.8']
    """

    def __init__(
        self,
        folder: str,
        annotators: Sequence[str],
        keys: tuple[str, str] = ("pred_confusion", "pred"),
        class_names: Sequence[str] | None = None,
    ) -> None:
        self.path = Path(folder) / "confusion.csv"
        self.annotators, self.keys = list(annotators), keys
        self.class_names = None if class_names is None else list(class_names)
        self.start()

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.STARTED, self.start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.add)
        engine.add_event_handler(Events.COMPLETED, self.write)

    def start(self) -> None:
        self.sums: torch.Tensor | None = None
        self.pixels: torch.Tensor | None = None

    def add(self, engine: Engine) -> None:
        for item in engine.state.output:
            matrices, found = (torch.as_tensor(item[key]).as_subclass(torch.Tensor) for key in self.keys)
            if len(matrices) != len(self.annotators):
                raise InputError(f"annotators: expected {len(matrices)} names, got {', '.join(self.annotators)}.")
            if self.class_names is not None and len(self.class_names) != matrices.shape[1]:
                names = ", ".join(self.class_names)
                raise InputError(f"class_names: expected {matrices.shape[1]} classes, got {names}.")
            weight = one_hot(found.long().flatten(), matrices.shape[1]).cpu().double()  # not every device has float64
            sums = torch.einsum("rijx,xj->rij", matrices.flatten(3).cpu().double(), weight)
            self.sums = sums if self.sums is None else self.sums + sums
            self.pixels = weight.sum(0) if self.pixels is None else self.pixels + weight.sum(0)

    def write(self) -> None:
        if self.sums is None or self.pixels is None:
            raise InputError(f"{self.path}: the matrices of at least one image are needed, got none.")
        mean = self.sums / self.pixels
        classes = self.class_names or range(len(self.pixels))
        write_csv(
            self.path,
            [
                {"annotator": name, "written": i, "true": j, "probability": "" if value != value else round(value, 6)}
                for name, matrix in zip(self.annotators, mean.tolist(), strict=True)
                for i, row in zip(classes, matrix, strict=True)
                for j, value in zip(classes, row, strict=True)
            ],
        )
