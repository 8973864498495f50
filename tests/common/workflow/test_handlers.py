"""Seeds, tables, memorization, switches."""

import pytest
import torch
from ignite.engine import Engine, Events
from monai.data import DataLoader, Dataset
from monai.transforms import RandGaussianNoised

from common.errors import InputError
from common.io.files import read_csv
from common.losses import TLoss
from common.methods import MemorisationCurve
from common.transforms import AugmentBatch
from common.workflow import EpochSeed, EpochTable, as_bool, choose, parameter_groups
from common.workflow.seeding import epoch_seed


def draws(seed, epochs, skip=0, workers=0):
    """What an engine sees in each epoch: order, random transform, batch augmentation and torch's own numbers."""
    data = [{"image": torch.full((1, 4, 4), float(i))} for i in range(6)]
    dataset = Dataset(data, RandGaussianNoised("image", prob=1.0))
    seen = []

    def step(engine, batch):
        image, _ = engine.prepare_batch({"image": batch["image"], "label": batch["image"]})
        seen.append((engine.state.epoch, image.clone(), torch.rand(2)))

    engine = Engine(step)
    engine.prepare_batch = AugmentBatch()
    EpochSeed(seed).attach(engine)
    engine.state.epoch = 0
    loader = DataLoader(dataset, batch_size=2, shuffle=True, num_workers=workers)
    if skip:

        @engine.on(Events.STARTED)
        def jump():
            engine.state.epoch = skip
            engine.state.iteration = skip * len(loader)

    torch.seed()  # whatever happened before
    engine.run(loader, max_epochs=epochs)
    return [item for item in seen if item[0] > skip]


@pytest.mark.parametrize("workers", [0, 1])
def test_an_epoch_depends_on_seed_and_number_only(workers):
    whole = [item for item in draws(3, 3, workers=workers) if item[0] == 3]
    resumed = draws(3, 3, skip=2, workers=workers)
    assert len(whole) == len(resumed) == 3
    for (_, image, number), (_, other_image, other_number) in zip(whole, resumed, strict=True):
        assert torch.equal(image, other_image)
        assert torch.equal(number, other_number)


def test_epochs_and_seeds_differ():
    first = draws(0, 2)
    assert not torch.equal(first[0][1], first[3][1])
    assert not torch.equal(first[0][1], draws(1, 1)[0][1])
    assert len({epoch_seed(seed, epoch) for seed in range(20) for epoch in range(20)}) == 400


def test_epoch_table(tmp_path):
    loss = TLoss(nu_tilde=0.5)
    evaluator = Engine(lambda *_: None)
    evaluator.state.metrics["val_mean_dice"] = torch.tensor(0.25)
    engine = Engine(lambda engine, batch: {"loss": torch.tensor(float(batch))})
    EpochTable(tmp_path, loss, [evaluator]).attach(engine)

    @engine.on(Events.EPOCH_STARTED)
    def validate():
        if engine.state.epoch == 2:
            evaluator.state.epoch = 2

    engine.run([1, 2], max_epochs=2)
    assert read_csv(tmp_path / "metrics.csv") == [
        {"epoch": "1", "loss": "1.5", "nu_tilde": "0.5", "val_mean_dice": ""},
        {"epoch": "2", "loss": "1.5", "nu_tilde": "0.5", "val_mean_dice": "0.25"},
    ]


def test_memorization_by_kind(tmp_path):
    clean = torch.tensor([1.0, 1, 0, 0]).view(1, 1, 2, 2).repeat(3, 1, 1, 1)
    noisy = clean.clone()
    noisy[0] = torch.tensor([1.0, 0, 0, 0]).view(1, 2, 2)
    batch = {"clean_label": clean, "label": noisy, "noise_kind": ["erosion", "none", "none"]}
    logits = torch.where(noisy > 0, 3.0, -3.0)  # the network has learned the noisy labels by heart
    engine = Engine(lambda engine, batch: {"pred": logits})
    MemorisationCurve(tmp_path).attach(engine)
    engine.run([batch], max_epochs=1)
    erosion, none = read_csv(tmp_path / "memorisation.csv")
    assert erosion["noise_kind"] == "erosion"
    assert float(erosion["dice_noisy"]) == 1
    assert float(erosion["dice_clean"]) == pytest.approx(2 / 3)
    assert (none["cases"], float(none["dice_clean"]), float(none["dice_noisy"])) == ("2", 1, 1)


@pytest.mark.parametrize(
    ("logits", "clean", "dice"),
    [
        ([[3.0, 3.0, -3.0, 3.0, 3.0]], [1.0, 1, 0, -1, -1], 1.0),  # two pixels that nobody labeled
        ([[0.0, 0, 9, 9, 9], [9.0, 0, 0, 0, 0], [0.0, 9, 0, 0, 0]], [1.0, 2, 0, 0, 0], 1.0),  # three classes
        ([[0.0, 0, 9, 9, 9], [9.0, 9, 0, 0, 0], [0.0, 0, 0, 0, 0]], [1.0, 2, 0, 0, 0], (2 / 3 + 0) / 2),
    ],
)
def test_memorization_of_unlabeled_pixels_and_of_several_classes(tmp_path, logits, clean, dice):
    label = torch.tensor(clean)[None, None]
    engine = Engine(lambda engine, batch: {"pred": torch.tensor(logits)[None]})
    MemorisationCurve(tmp_path).attach(engine)
    (row,) = engine.run([{"clean_label": label, "label": label}], max_epochs=1).memorisation
    assert (row["dice_clean"], row["dice_noisy"]) == pytest.approx((dice, dice))


def test_an_image_of_which_nothing_is_labeled_is_no_case(tmp_path):
    """It had a Dice of 1, whatever was predicted."""
    label = torch.stack([torch.full((1, 4), -1.0), torch.zeros(1, 4), torch.ones(1, 4)])
    logits = torch.stack([torch.full((1, 4), 5.0), torch.full((1, 4), -5.0), torch.full((1, 4), -5.0)])
    engine = Engine(lambda engine, batch: {"pred": logits})
    MemorisationCurve(tmp_path).attach(engine)
    (row,) = engine.run([{"clean_label": label, "label": label}], max_epochs=1).memorisation
    assert (row["cases"], row["dice_clean"], row["dice_noisy"]) == (2, 0.5, 0.5)


def test_switches_and_choices():
    assert as_bool("resume", True) is True
    assert as_bool("resume", "False") is False
    with pytest.raises(InputError, match="resume is a switch: expected true or false, got 'yes'"):
        as_bool("resume", "yes")
    with pytest.raises(InputError, match="did you mean 'gce'"):
        choose("gcee", {"gce": 1, "mae": 2}, kind="loss_name")
    with pytest.raises(InputError, match="expected one of gce, mae, got 'zzz'"):
        choose("zzz", {"gce": 1, "mae": 2})


def test_a_learned_loss_is_a_group_of_its_own():
    network, loss = torch.nn.Linear(2, 1), TLoss()
    network_group, loss_group = parameter_groups(network, loss, loss_lr=0.5)
    assert loss_group["params"] == [loss.nu_tilde]
    assert (loss_group["lr"], loss_group["weight_decay"]) == (0.5, 0.0)
    optimizer = torch.optim.Adam(parameter_groups(network, loss), lr=1e-3, weight_decay=0.1)
    assert [group["lr"] for group in optimizer.param_groups] == [1e-3, 1e-3]
    assert len(network_group["params"]) == 2
    assert len(parameter_groups(network, torch.nn.BCEWithLogitsLoss())) == 1
