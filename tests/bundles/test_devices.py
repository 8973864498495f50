"""Every bundle on CUDA and on Apple's MPS, as far as a machine without them can show it (`pretended`)."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from bundle_runs import run_bundle
from conftest import TINY

from common.decision import expected_dice
from common.metrics import AnnotatorLogLikelihood
from tests.common.pretended_device import pretended

RUNS = [(bundle, name, [], {}) for bundle in sorted(TINY) if bundle != "soft_label_apl" for name in ("cuda", "mps")] + [
    ("disentangling_annotators", "cuda", [], {"method": "probabilistic_unet"}),
    ("disentangling_annotators", "mps", [], {"rank": 1, "add_identity": True}),
    ("soft_label_apl", "cuda", [], {"proposals": 8}),
    ("soft_label_apl", "mps", ["unet"], {}),
]


@pytest.mark.parametrize(("bundle", "name", "network", "options"), RUNS)
def test_a_bundle_trains_and_segments_on_a_device(
    bundle: str, name: str, network: list[str], options: dict, tmp_path: Path
) -> None:
    data = TINY[bundle]["train"] | {"dataset_dir#folder": str(tmp_path / "phantom")} | options
    new = TINY[bundle]["inference"] | {"phantom#folder": str(tmp_path / "phantom")}
    places = {"device": torch.device(name, 0), "amp": name == "cuda", "output_dir": str(tmp_path / "output")}
    models = str(tmp_path / "models")
    with pretended(name):
        run_bundle(bundle, "training", ["train", *network], **data, **places, ckpt_dir=models)
        longer = data | {"max_epochs": 2, "resume": True}
        run_bundle(bundle, "training", ["train", *network], **longer, **places, ckpt_dir=models)
        if bundle != "soft_label_apl":
            run_bundle(bundle, "calibrating", ["train", "calibrate"], **data, **places, ckpt_dir=models)
        run_bundle(bundle, "evaluating", ["train", *network, "evaluate"], **data, **places, ckpt_dir=models)
        networks: Any = [models, str(shutil.copytree(models, tmp_path / "others"))]
        if "proposals" in options or "method" in options:  # networks that have no mean
            new, networks = new | {key: options[key] for key in options if key == "proposals"}, models
        run_bundle(bundle, "inferring", ["inference", *network], **new, **places, ckpt_dir=networks)
    assert list((tmp_path / "output").glob("evaluation/*.csv"))
    assert list((tmp_path / "output").glob("NEW_*"))


def test_a_batch_s_other_items_stay_on_the_cpu() -> None:
    probabilities, labels = torch.full((1, 2, 2, 5), 0.5), torch.ones(1, 2, 5)
    with pretended("cuda"):  # MONAI moves images and labels alone
        values = AnnotatorLogLikelihood()(y_pred=probabilities.to("cuda"), y=labels)
    torch.testing.assert_close(values.exp(), torch.full((1, 2), 0.5))


def test_the_expected_dice_needs_no_float64_of_the_device() -> None:
    with pretended("mps"):
        class_map, foreground = torch.tensor([[[1, 1, 0]]]).to("mps"), torch.tensor([[[0.9, 0.45, 0.1]]]).to("mps")
        assert expected_dice(class_map, foreground).item() == pytest.approx(2 * 1.35 / (2 + 1.45))
