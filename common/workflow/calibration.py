"""Calibration of a trained network: the table of its reliability, and the temperature of its logits."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.engines.utils import IterationEvents

from common.decision.temperature import LIMIT, fit_temperature
from common.errors import InputError
from common.io.files import whole_file, write_csv
from common.metrics.reliability import reliability_bins
from common.workflow.distributed import require_one_process
from common.workflow.trainings import Places, training_folders

TEMPERATURE_FILE = "temperature.json"
NO_IMAGES = "{}: a temperature needs at least one validation image, got none."
SMALLEST = 1e-7  # probability of which the logarithm is taken

logger = logging.getLogger(__name__)


class ReliabilityTable:
    """Ignite handler of an evaluator: bins the probabilities of all images and writes ``reliability.csv`` at the end.

    A row per class and bin: ``class``, ``bin`` from 1, ``count``, ``confidence``, ``accuracy``; the latter two of an
    empty bin stay empty. `common.report.draw_reliability` draws it.

    Args:
        folder: folder in which ``reliability.csv`` is written.
        class_names: names of all classes, background included.
        keys: keys of probabilities ``(K, *spatial)`` and label ``(1, *spatial)`` in the evaluator's output.
        bins: number of bins of equal width (paper: 15).
        region: ``"all"`` voxels, or those whose label is ``"foreground"``.

    Raises:
        InputError: when running, if the probabilities have another number of classes.

    Example:
        >>> import tempfile
        >>> item = {"probabilities": torch.tensor([[0.25, 0.25], [0.75, 0.75]]), "label": torch.tensor([[1, 0]])}
        >>> engine = Engine(lambda engine, batch: batch)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     ReliabilityTable(folder, ["background", "heart"], bins=2).attach(engine)
        ...     _ = engine.run([[item]])
        ...     Path(folder, "reliability.csv").read_text().splitlines()[-1]
        'heart,2,2,0.75,0.5'
    """

    def __init__(
        self,
        folder: str,
        class_names: Sequence[str],
        keys: tuple[str, str] = ("probabilities", "label"),
        bins: int = 15,
        region: str = "all",
    ) -> None:
        self.path = Path(folder) / "reliability.csv"
        self.class_names, self.keys, self.bins, self.region = list(class_names), keys, bins, region
        self.start()

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.STARTED, self.start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.add)
        engine.add_event_handler(Events.COMPLETED, self.write)

    def start(self) -> None:
        # voxels, and sums of their probabilities and of their labels
        self.sums = torch.zeros(3, len(self.class_names), self.bins, dtype=torch.float64)

    def add(self, engine: Engine) -> None:
        for item in engine.state.output:
            probabilities, label = (torch.as_tensor(item[key])[None] for key in self.keys)
            if probabilities.shape[1] != len(self.class_names):
                names = ", ".join(self.class_names)
                raise InputError(f"class_names: expected {probabilities.shape[1]} classes, got {names}.")
            found = reliability_bins(probabilities, label, self.bins, self.region)
            means = torch.stack((torch.ones_like(found.voxels), found.confidence, found.accuracy))
            self.sums += (means.nan_to_num() * found.voxels).cpu()

    def write(self) -> None:
        rows: list[dict[str, Any]] = []
        for name, sums in zip(self.class_names, self.sums.transpose(0, 1), strict=True):
            for index, (count, confidence, accuracy) in enumerate(sums.T.tolist(), start=1):
                row = {"class": name, "bin": index, "count": int(count), "confidence": "", "accuracy": ""}
                rows.append(row | ({"confidence": confidence / count, "accuracy": accuracy / count} if count else {}))
        write_csv(self.path, rows)


class FitTemperature:
    """Ignite handler of an evaluator: fits a temperature to its logits and writes ``temperature.json`` at the end.

    Run the trained network over the validation subjects; post-processing does not matter, logits are taken before.

    Args:
        folder: folder in which ``temperature.json`` is written, that of ``model.pt``.
        num_classes: number of classes of a network that gives probabilities, in its first channels; their logarithms
            are then the logits. None for a network that gives logits.

    Raises:
        InputError: if there are several folders, for temperatures are fitted one by one; when attached, if several
            processes share the images; when running, if a case has no label, or as `common.decision.fit_temperature`.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     handler = FitTemperature(folder)
        ...     handler.logits.append(torch.tensor([[3.0, 3.0, 3.0, 3.0], [0.0, 0.0, 0.0, 0.0]]))
        ...     handler.labels.append(torch.tensor([[0, 0, 0, 1]]))
        ...     handler.write()
        ...     round(load_temperature(folder), 2)
        2.73
    """

    def __init__(self, folder: Places, num_classes: int | None = None) -> None:
        folders = training_folders(folder)
        if len(folders) > 1:
            raise InputError(
                f"ckpt_dir: expected one training, whose temperature is fitted, got {len(folders)}; each has its own."
            )
        self.path, self.num_classes = folders[0] / TEMPERATURE_FILE, num_classes
        self.start()

    def attach(self, engine: Engine) -> None:
        require_one_process(self.path)
        if len(getattr(engine, "data_loader", [None])) == 0:  # MONAI does not run such an evaluator
            raise InputError(NO_IMAGES.format(self.path))
        engine.add_event_handler(Events.STARTED, self.start)
        engine.add_event_handler(IterationEvents.FORWARD_COMPLETED, self.add)
        engine.add_event_handler(Events.COMPLETED, self.write)

    def start(self) -> None:
        self.logits: list[torch.Tensor] = []
        self.labels: list[torch.Tensor] = []

    def add(self, engine: Engine) -> None:
        # voxels in one line, for images may differ in size
        logits, labels = engine.state.output["pred"].detach(), engine.state.output["label"]
        if labels is None:
            raise InputError("calibrating: expected validation cases with a ground truth, got one without.")
        if self.num_classes is not None:
            logits = logits[:, : self.num_classes].float().clamp_min(SMALLEST).log()
        self.logits.append(logits.float().cpu().movedim(1, 0).flatten(1))
        self.labels.append(labels.cpu().movedim(1, 0).flatten(1))

    def write(self) -> None:
        if not self.logits:
            raise InputError(NO_IMAGES.format(self.path))
        temperature = fit_temperature(torch.cat(self.logits, 1)[None], torch.cat(self.labels, 1)[None])
        if not 1.01 / LIMIT < temperature < LIMIT / 1.01:
            logger.warning(
                "%s: the temperature reached %.3g, the end of its range: on the validation images the predictions are "
                "right everywhere, or the logits do not depend on the labels, as before training.",
                self.path,
                temperature,
            )
        with whole_file(self.path) as partial:
            partial.write_text(json.dumps({"temperature": temperature}) + "\n", encoding="utf-8")
        logger.info("%s: the temperature is %.4g; --temperature fitted uses it.", self.path.absolute(), temperature)
        self.start()


def load_temperature(path: Places | None, temperature: float | str | None = "fitted") -> float | tuple[float, ...]:
    """What divides the logits: a given number, or the one that `FitTemperature` wrote.

    Args:
        path: file ``temperature.json`` or its folder; of several trainings their folders; None for none.
        temperature: ``"fitted"`` to read the file, else a positive number, which is returned; None is 1.

    Returns:
        The temperature; 1 without a path. Of several trainings a tuple with one for each.

    Raises:
        InputError: the file is missing or holds no temperature, or ``temperature`` is neither.

    Example:
        >>> load_temperature(None), load_temperature("models", temperature=1.5)
        (1.0, 1.5)
    """
    folders = [None] if path is None else training_folders(path)
    found = tuple(_temperature(folder, temperature) for folder in folders)
    return found if len(found) > 1 else found[0]


def _temperature(path: Path | None, temperature: float | str | None) -> float:
    fitted = None if path is None else path / TEMPERATURE_FILE if path.is_dir() else path
    if temperature is None:
        if fitted is not None and fitted.is_file():
            logger.info("%s is not used; --temperature fitted divides the logits by what it holds.", fitted.absolute())
        return 1.0
    if temperature != "fitted":
        return _positive(temperature, "temperature", "fitted or a positive number")
    if fitted is None:
        return 1.0
    if not fitted.is_file():
        raise InputError(f"{fitted}: there is no fitted temperature; calibrating (configs/calibrate.yaml) fits one.")
    try:
        value = json.loads(fitted.read_text(encoding="utf-8"))["temperature"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{fitted}: expected a fitted temperature (JSON), got something else.") from error
    return _positive(value, str(fitted), "a positive number")


def _positive(value: Any, name: str, expected: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 < number < math.inf:
        raise InputError(f"{name}: expected {expected}, got {value!r}.")
    return number
