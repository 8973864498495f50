"""The claim of the T-Loss paper on a small seeded problem: it wins under noise and does not lose without."""

import pytest
from monai.bundle import ConfigWorkflow

from benchmarks.report.statistics import last_epochs_mean
from common.io.files import read_csv


def dice(configs, phantom, folder, loss_name, noise_alpha):
    workflow = ConfigWorkflow(
        config_file=[str(configs / "train.yaml"), str(configs / "noise.yaml")],
        workflow_type="train",
        logging_file=False,
        loss_name=loss_name,
        noise_alpha=noise_alpha,
        noise_beta=0.9,
        output_dir=str(folder),
        ckpt_dir=str(folder),
        device="cpu",
        image_size=[32, 32],
        features=[8, 16, 16],
        learning_rate=3.0e-3,
        max_epochs=12,
        **{"dataset_dir#folder": str(phantom), "dataset_dir#num_cases": 120, "dataset_dir#size": 64},
    )
    workflow.initialize()
    workflow.run()
    return last_epochs_mean(read_csv(folder / "metrics.csv"), "val_mean_dice", 4)


@pytest.fixture(scope="module")
def scores(repository, tmp_path_factory):
    folder = tmp_path_factory.mktemp("claim")
    configs = repository / "bundles/t_loss/configs"
    return {
        (loss, alpha): dice(configs, folder / "phantom", folder / f"{loss}_{alpha}", loss, alpha)
        for loss in ("t_loss", "bce")
        for alpha in (0.0, 0.7)
    }


def test_t_loss_beats_cross_entropy_on_noisy_masks(scores):
    assert scores["t_loss", 0.7] > scores["bce", 0.7]  # 0.028, 0.020 and 0.043 for three seeds


def test_t_loss_does_not_lose_on_clean_masks(scores):
    assert scores["t_loss", 0.0] > scores["bce", 0.0] - 0.01
    assert scores["t_loss", 0.0] > 0.9
