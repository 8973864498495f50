"""How much of the labels' errors a network has learned by heart."""

from __future__ import annotations

import math
from collections import defaultdict
from pathlib import Path

import ignite.distributed as idist
import torch
from ignite.engine import Engine, Events
from monai.utils import evenly_divisible_all_gather, string_list_all_gather

from common.io.files import write_csv
from common.metrics import dice_score, structure_pair
from common.transforms.class_maps import as_class_map


class MemorisationCurve:
    """Ignite handler of a trainer: Dice of the training predictions with the clean and with the noisy labels.

    The predictions are those of the training step itself, thresholded at one half, compared with the labels as the
    step saw them, so the curve costs no forward pass. ``memorisation.csv`` has a row per epoch and kind of noise:
    ``epoch, noise_kind, cases, dice_clean, dice_noisy``. A network that memorizes gains against the noisy labels what
    it loses against the clean ones (T-Loss paper, Fig. 1). Several processes put their cases together.

    The batch must hold ``label`` and ``clean_label``, masks (B, C, *spatial) of the C logits, or of several classes
    class maps (B, 1, *spatial), of whose structures the mean is taken; it may hold ``noise_kind``, a name per image,
    without which every name is ``none``. Two empty masks have a Dice of 1; pixels that nobody labeled (−1) do not
    count, and images without any other are no cases.

    Args:
        folder: folder in which ``memorisation.csv`` is written.
        threshold: on the logits of masks; 0 is a probability of one half. Of class maps the most probable class counts.

    Example:
        >>> import tempfile
        >>> label = torch.tensor([[[1.0, 1.0, 1.0]]])
        >>> batch = {"label": label, "clean_label": torch.tensor([[[1.0, 0.0, 0.0]]])}
        >>> engine = Engine(lambda engine, batch: {"pred": label})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     MemorisationCurve(folder).attach(engine)
        ...     engine.run([batch]).memorisation
        [{'epoch': 1, 'noise_kind': 'none', 'cases': 1, 'dice_clean': 0.5, 'dice_noisy': 1.0}]
    """

    def __init__(self, folder: str, threshold: float = 0.0) -> None:
        self.path = Path(folder) / "memorisation.csv"
        self.threshold = threshold
        self._kinds: list[str] = []
        self._scores: list[torch.Tensor] = []

    def attach(self, engine: Engine) -> None:
        engine.state.memorisation = []
        engine.state_dict_user_keys.append("memorisation")
        engine.add_event_handler(Events.STARTED, self.begin)
        engine.add_event_handler(Events.EPOCH_STARTED, self.start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.add)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.finish)

    def begin(self, engine: Engine) -> None:
        if engine.state.epoch == 0:  # a training that is not resumed, of an engine that has run before
            engine.state.memorisation = []

    def start(self, engine: Engine) -> None:
        self._kinds, self._scores = [], []

    def add(self, engine: Engine) -> None:
        batch, output = engine.state.batch, engine.state.output
        logits = output["pred"].detach()
        scores = [self._dice(logits, batch[key]) for key in ("clean_label", "label")]
        self._scores.append(torch.stack(scores, dim=1))  # stays on the device until the epoch ends
        self._kinds.extend(batch.get("noise_kind", ["none"] * len(logits)))

    def _dice(self, logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        """``(B,)``, the mean over the structures of an image; not a number where nothing is labeled."""
        if logits.shape == label.shape:
            pair = structure_pair((logits > self.threshold).float(), label)
        else:
            classes = torch.stack([as_class_map(each) for each in logits])
            pair = structure_pair(classes, label, logits.shape[1], include_background=False)
        unlabeled = (label < 0).flatten(1).all(1).to(logits.device)
        return dice_score(*pair).nan_to_num(1.0).mean(1).masked_fill(unlabeled, math.nan)

    def finish(self, engine: Engine) -> None:
        by_kind: dict[str, list[list[float]]] = defaultdict(list)
        kinds = string_list_all_gather(self._kinds)
        gathered = evenly_divisible_all_gather(torch.cat(self._scores), concat=True)
        for kind, score in zip(kinds, gathered.tolist(), strict=True):
            if not any(map(math.isnan, score)):
                by_kind[kind].append(score)
        for kind, scores in sorted(by_kind.items()):
            clean, noisy = torch.tensor(scores, dtype=torch.float64).mean(dim=0).tolist()
            row = {"noise_kind": kind, "cases": len(scores), "dice_clean": clean, "dice_noisy": noisy}
            engine.state.memorisation.append({"epoch": engine.state.epoch, **row})
        if idist.get_rank() == 0:
            write_csv(self.path, engine.state.memorisation)
