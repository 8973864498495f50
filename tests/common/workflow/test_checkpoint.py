"""Checkpoints: whole, resumable, and refused in one sentence."""

import os
from copy import deepcopy

import pytest
import torch
from ignite.engine import Engine, Events

from common.errors import InputError
from common.workflow import EpochTable, TrainingCheckpoint, load_weights, start_from_weights
from common.workflow.checkpoint import read_state


def engine_with(folder, resume=False, seed=0, best_of=None, overwrite=False, definition=None):
    torch.manual_seed(seed)
    network = torch.nn.Linear(2, 1)
    optimizer = torch.optim.Adam(network.parameters(), 0.1)

    def step(engine, batch):
        optimizer.zero_grad()
        loss = network(batch).square().mean()
        loss.backward()
        optimizer.step()
        return {"loss": loss}

    engine = Engine(step)
    engine.state.best_metric, engine.state.best_metric_epoch = -1.0, -1
    EpochTable(folder).attach(engine)
    checkpoint = TrainingCheckpoint(folder, network, {"optimizer": optimizer}, resume, best_of, overwrite)
    checkpoint.definition = definition
    checkpoint.attach(engine)
    return engine, network


DATA = [torch.ones(4, 2), torch.eye(2)]


def test_two_halves_make_a_whole(tmp_path):
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    engine, network = engine_with(whole)
    engine.run(DATA, max_epochs=4)
    engine_with(halves)[0].run(DATA, max_epochs=2)
    second, resumed = engine_with(halves, resume=True, seed=1)  # other initial weights: all comes from the file
    second.run(DATA, max_epochs=4)
    assert second.state.epoch == 4
    assert second.state.iteration == 8
    for a, b in zip(network.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)
    assert (whole / "metrics.csv").read_bytes() == (halves / "metrics.csv").read_bytes()


def test_a_finished_run_resumed_stays_as_it_is(tmp_path, caplog):
    engine_with(tmp_path)[0].run(DATA, max_epochs=2)
    before = (tmp_path / "metrics.csv").read_bytes()
    engine, _ = engine_with(tmp_path, resume=True, seed=1)
    engine.run(DATA, max_epochs=2)
    assert engine.state.iteration == 4
    assert (tmp_path / "metrics.csv").read_bytes() == before
    assert "has 2 epochs already, so nothing is left of max_epochs 2" in caplog.text


def test_nothing_to_resume_is_said_and_training_starts(tmp_path, caplog):
    engine, _ = engine_with(tmp_path, resume="true")
    engine.run(DATA, max_epochs=1)
    assert "nothing to resume" in caplog.text
    assert engine.state.epoch == 1


def test_best_epoch_keeps_the_weights(tmp_path):
    engine, network = engine_with(tmp_path, best_of="trainer")

    @engine.on(Events.EPOCH_STARTED)
    def select(engine):  # MONAI sets these at the end of an epoch, before the checkpoint is written
        if engine.state.epoch == 2:
            engine.state.best_metric, engine.state.best_metric_epoch = 0.5, 2

    kept = []
    engine.add_event_handler(Events.EPOCH_COMPLETED(once=2), lambda: kept.append(network.weight.detach().clone()))
    engine.run(DATA, max_epochs=4)
    assert torch.equal(torch.load(tmp_path / "model.pt", weights_only=True)["weight"], kept[0])
    assert not torch.equal(network.weight, kept[0])
    resumed, _ = engine_with(tmp_path, resume=True, best_of="trainer")
    resumed.run(DATA, max_epochs=4)
    assert (resumed.state.best_metric, resumed.state.best_metric_epoch) == (0.5, 2)


def test_the_end_says_which_weights_lie_where(tmp_path, caplog):
    caplog.set_level("INFO", "common.workflow.checkpoint")
    engine_with(tmp_path / "last")[0].run(DATA, max_epochs=2)
    assert f"{tmp_path / 'last/model.pt'} holds the weights of the last epoch, 2." in caplog.messages
    engine, _ = engine_with(tmp_path / "best", best_of="trainer")

    @engine.on(Events.EPOCH_STARTED(once=1))
    def select(engine):
        engine.state.best_metric, engine.state.best_metric_epoch = 0.5, 1

    engine.run(DATA, max_epochs=2)
    said = f"{tmp_path / 'best/model.pt'} holds the weights of epoch 1, the best by its metric (0.5)."
    assert said in caplog.messages


def truncate(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


class Malicious:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (self.target,)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (truncate, "truncated or not a PyTorch checkpoint"),
        (lambda path: path.write_text("no checkpoint"), "truncated or not a PyTorch checkpoint"),
        (lambda path: torch.save([1, 2], path), "holds a list"),
        (lambda path: torch.save({"objects": {"network": {}}}, path), "this configuration needs"),
        (lambda path: torch.save({"objects": {"network": {}, "optimizer": {}}}, path), "does not fit the network"),
        (
            lambda path: torch.save({"objects": read_state(path)["objects"]}, path),
            "it lacks best, definition, epoch",
        ),
    ],
)
def test_a_bad_checkpoint_is_refused_in_one_sentence(tmp_path, spoil, message):
    engine_with(tmp_path)[0].run(DATA, max_epochs=1)
    spoil(tmp_path / "checkpoint.pt")
    with pytest.raises(InputError, match=message) as error:
        engine_with(tmp_path, resume=True)[0].run(DATA, max_epochs=2)
    assert "checkpoint.pt" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_checkpoint_that_would_run_code_does_not(tmp_path):
    torch.save(Malicious(str(tmp_path / "made")), tmp_path / "model.pt")
    with pytest.raises(InputError, match="not a PyTorch checkpoint"):
        load_weights(torch.nn.Linear(1, 1), tmp_path / "model.pt")
    assert not (tmp_path / "made").exists()


def test_load_weights(tmp_path):
    engine, network = engine_with(tmp_path)
    engine.run(DATA, max_epochs=1)
    for file in ("model.pt", "checkpoint.pt"):
        with pytest.raises(InputError, match="does not fit the network"):
            load_weights(torch.nn.Linear(3, 1), tmp_path / file)
        with pytest.raises(InputError, match=r", and give the overlays of its training \(.* …\)\.$") as refused:
            load_weights(torch.nn.Sequential(*[torch.nn.Linear(2, 2)] * 20), tmp_path / file)
        shown = str(refused.value).partition("(")[2].removesuffix(" …).").split()
        assert shown == str(refused.value.__cause__).split()[: len(shown)]  # whole words
        assert torch.equal(load_weights(torch.nn.Linear(2, 1), tmp_path / file).weight, network.weight)
    with pytest.raises(InputError, match="no such checkpoint"):
        load_weights(network, tmp_path / "absent.pt")


def test_a_write_that_fails_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    engine_with(tmp_path)[0].run(DATA, max_epochs=1)
    before = (tmp_path / "checkpoint.pt").read_bytes()

    def half(state, file):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(OSError, match="disk full"):
        engine_with(tmp_path, resume=True)[0].run(DATA, max_epochs=2)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.pt", "metrics.csv", "model.pt"]


def test_a_new_training_does_not_replace_one_unasked(tmp_path):
    engine_with(tmp_path)[0].run(DATA, max_epochs=1)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(InputError, match="up to epoch 1: --resume True continues it, --overwrite true"):
        engine_with(tmp_path)[0].run(DATA, max_epochs=1)
    (tmp_path / "checkpoint.pt").rename(tmp_path / "kept")
    for resume in (False, True):
        with pytest.raises(InputError, match=r"model\.pt holds the weights of another training.*--overwrite true"):
            engine_with(tmp_path, resume=resume)[0].run(DATA, max_epochs=1)
    (tmp_path / "kept").rename(tmp_path / "checkpoint.pt")
    assert before == {path.name: path.read_bytes() for path in tmp_path.iterdir()}


def test_overwriting_removes_the_old_files_at_once(tmp_path):
    """A run that is killed in its first epoch leaves nothing of the one before that could be resumed."""
    engine_with(tmp_path)[0].run(DATA, max_epochs=3)
    (tmp_path / "temperature.json").write_text("{}")
    engine, network = engine_with(tmp_path, overwrite=True, seed=1)
    seen = []

    @engine.on(Events.EPOCH_STARTED(once=1))
    def look(engine):
        seen.append({path.name for path in tmp_path.iterdir()} & {"model.pt", "temperature.json", "checkpoint.pt"})
        state = read_state(tmp_path / "checkpoint.pt")
        seen.append((state["epoch"], torch.equal(state["objects"]["network"]["weight"], network.weight)))

    engine.run(DATA, max_epochs=1)
    assert seen == [{"checkpoint.pt"}, (0, True)]


def test_what_was_killed_before_its_first_epoch_may_be_started_again(tmp_path):
    engine, _ = engine_with(tmp_path)
    engine.add_event_handler(Events.EPOCH_STARTED, lambda: (_ for _ in ()).throw(RuntimeError("killed")))
    with pytest.raises(RuntimeError, match="killed"):
        engine.run(DATA, max_epochs=1)
    assert read_state(tmp_path / "checkpoint.pt")["epoch"] == 0
    engine_with(tmp_path)[0].run(DATA, max_epochs=1)


def test_another_configuration_does_not_resume(tmp_path):
    old, new = {"seed": 0, "losses": {"gce": {"q": 0.7}}}, {"seed": 1, "losses": {"gce": {}}}
    engine_with(tmp_path, definition=old)[0].run(DATA, max_epochs=1)
    with pytest.raises(InputError, match=r"\(seed 0, now 1; losses#gce#q 0\.7, now null\)") as error:
        engine_with(tmp_path, resume=True, definition=new)[0].run(DATA, max_epochs=2)
    assert "\n" not in str(error.value)
    engine_with(tmp_path, resume=True, definition=dict(old))[0].run(DATA, max_epochs=2)
    engine, _ = engine_with(tmp_path, resume=True, overwrite=True, definition=new)
    engine.run(DATA, max_epochs=1)
    state = read_state(tmp_path / "checkpoint.pt")
    assert state["epoch"] == engine.state.epoch == 1 and state["definition"] == new


def test_a_long_list_of_weights_that_do_not_fit_is_cut(tmp_path, caplog):
    names = [f"layer_{number}" for number in range(9)]
    theirs = {name: torch.nn.Linear(2, 2, bias=False) for name in names} | {"head": torch.nn.Linear(99, 1)}
    ours = {name: torch.nn.Linear(3, 3, bias=False) for name in names} | {"head": torch.nn.Linear(99, 1)}
    torch.save(torch.nn.ModuleDict(theirs).state_dict(), tmp_path / "model.pt")
    start_from_weights(torch.nn.ModuleDict(ours), tmp_path / "model.pt")
    assert caplog.messages[0].count("2 × 2 for 3 × 3") == 5 and caplog.messages[0].endswith("and 4 more.")


def test_start_from_other_weights(tmp_path, caplog):
    torch.manual_seed(0)
    theirs = torch.nn.ModuleDict(
        {"body": torch.nn.Linear(2, 3), "head": torch.nn.Linear(3, 4), "old": torch.nn.PReLU()}
    )
    ours = torch.nn.ModuleDict({"body": torch.nn.Linear(2, 3), "head": torch.nn.Linear(3, 2), "new": torch.nn.PReLU()})
    drawn = ours["head"].weight.detach().clone()
    torch.save(theirs.state_dict(), tmp_path / "model.pt")
    assert start_from_weights(ours, tmp_path / "model.pt") is ours
    assert torch.equal(ours["body"].weight, theirs["body"].weight) and torch.equal(ours["head"].weight, drawn)
    (message,) = caplog.messages
    assert "2 of 5 weights taken" in message
    assert "of another shape: head.weight 4 × 3 for 2 × 3, head.bias 4 for 2" in message
    assert "missing in the file: new.weight" in message and "not in this network: old.weight" in message
    with pytest.raises(
        InputError, match="none of its 5 weights has the name and shape of one of the 2 weights of this network"
    ):
        start_from_weights(torch.nn.Linear(7, 7), tmp_path / "model.pt")
    with pytest.raises(InputError, match="no such checkpoint"):
        start_from_weights(ours, tmp_path / "absent.pt")
    assert start_from_weights(torch.nn.ModuleDict({"body": torch.nn.Linear(2, 3)}), tmp_path), "a folder"
    wider = torch.nn.ModuleDict({"body": torch.nn.Linear(2, 3), "head": torch.nn.Linear(9, 9)})
    drawn = deepcopy(wider.state_dict())
    with pytest.raises(InputError, match=r"only 9 % of this network's numbers.*head.weight 4 × 3 for 9 × 9.*plan.json"):
        start_from_weights(wider, tmp_path / "model.pt")
    assert all(torch.equal(value, drawn[name]) for name, value in wider.state_dict().items()), "nothing is taken"


def test_without_a_validation_the_last_epoch_is_kept(tmp_path):
    """A data set may be too small for a validation case."""
    engine, network = engine_with(tmp_path, best_of="trainer")
    engine.run(DATA, max_epochs=2)
    assert torch.equal(torch.load(tmp_path / "model.pt", weights_only=True)["weight"], network.weight)
