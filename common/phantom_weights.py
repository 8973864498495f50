"""Small weights for a bundle to share: trained on its phantom as in the demo, measured, and kept with their scores."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from common.errors import InputError
from common.io.files import read_json, whole_file

__all__ = [
    *("CHECKSUM", "COMPANIONS", "RECORD", "SCORES", "TEMPERATURE", "WEIGHTS", "read_record", "train_weights"),
]

WEIGHTS = "models/model.pt"
COMPANIONS = ("plan.json", "split.json")  # of the weights, which cannot be used without
TEMPERATURE = "models/temperature.json"  # that `calibrating` has fitted to the weights, if it has
RECORD = "models/eval_metrics.json"
CHECKSUM = "weights_sha256"
SCORES = "eval_metrics"  # of metadata.json, the entry of MONAI's bundles


def train_weights(bundle: Path) -> None:
    """Writes ``models/model.pt``, plan, split and scores (``models/eval_metrics.json``) into a bundle's folder.

    Trained is the method of ``configs/demo.yaml`` (the first of its ``methods``) on the generated phantom, in a
    temporary folder; the scores are the means of its evaluation with the phantom's test labels. On one machine the same
    sources give the same weights.

    Args:
        bundle: folder of the bundle.

    Raises:
        InputError: training or evaluation failed.
    """
    from common.command import threads_of_each
    from common.run_bundle import run_bundle

    plan = yaml.safe_load((bundle / "configs/demo.yaml").read_text(encoding="utf-8"))["demo"]
    method = next(iter(plan["methods"].values()))
    with TemporaryDirectory() as folder:
        places = {"output_dir": folder, "ckpt_dir": folder, **method}
        trained = ["train", *plan.get("overlays", []), "demo"]
        for verb, configs in (("training", trained), ("evaluating", [*trained, "evaluate"])):
            run_bundle(bundle, verb, configs, Path(folder, f"{verb}.log"), threads_of_each(1), **places)
        weights = Path(folder, "model.pt").read_bytes()
        companions = {name: Path(folder, name).read_bytes() for name in COMPANIONS}
        lines = Path(folder, "evaluation/metrics.csv").read_text(encoding="utf-8").split()
        scores = {name: round(float(value), 4) for name, value in (line.split(",") for line in lines)}
    (bundle / TEMPERATURE).unlink(missing_ok=True)  # of other weights
    for name, content in companions.items():
        with whole_file((bundle / WEIGHTS).with_name(name)) as partial:
            partial.write_bytes(content)
    with whole_file(bundle / WEIGHTS) as partial:
        partial.write_bytes(weights)
    with whole_file(bundle / RECORD) as partial:
        partial.write_text(json.dumps(scores | {CHECKSUM: _checksum(weights)}, indent=4) + "\n", encoding="utf-8")


def read_record(bundle: Path) -> Mapping[str, float | str] | None:
    """The scores of exactly the weights in a bundle's folder.

    Args:
        bundle: folder of the bundle.

    Returns:
        Score by name, and the checksum of the weights; None if the folder has no weights or no scores, in a file of
        their own or in the ``metadata.json`` of a zip, or the scores are of other weights.

    Raises:
        InputError: the file of the scores is no JSON dictionary.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Path(folder, "models").mkdir()
        ...     _ = Path(folder, WEIGHTS).write_bytes(b"weights")
        ...     _ = Path(folder, RECORD).write_text(json.dumps({"val_mean_dice": 0.9, CHECKSUM: _checksum(b"weights")}))
        ...     read_record(Path(folder))["val_mean_dice"]
        0.9
    """
    weights, record, metadata = bundle / WEIGHTS, bundle / RECORD, bundle / "configs/metadata.json"
    if not weights.is_file():
        return None
    found = []
    if record.is_file():
        try:
            found.append(read_json(record))
        except InputError as error:
            raise InputError(f"{record} is no JSON dictionary of scores; delete it and {weights.name}.") from error
    if metadata.is_file():  # of a bundle that came in a zip
        found.append(read_json(metadata).get(SCORES) or {})
    own = _checksum(weights.read_bytes())
    return next((scores for scores in found if scores.get(CHECKSUM) == own), None)


def _checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
