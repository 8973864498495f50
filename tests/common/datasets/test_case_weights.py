"""Weights of cases: what a training leaves out, how often it draws the others, and what is no table of weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from ignite.engine import Engine, Events
from monai.data import DataLoader
from monai.transforms import Compose
from torch.utils.data import RandomSampler

from common.datasets import Samples, sampler_of
from common.datasets.case_weights import leave_out, read_case_weights, sample_weights
from common.datasets.dataset import Dataset
from common.datasets.plan import example_plan
from common.datasets.split import Split
from common.errors import InputError
from common.workflow import EpochSeed, distributed, share_batches

PLAN = example_plan()
VOLUMES = replace(PLAN, image_dims=3, orientation="RAS", spacing=(1.0, 1.0, -1.0), image_size=None, patch_size=(4, 4))
SLICES = {"a": 1, "b": 4, "c": 2, "d": 3}
WEIGHTS = {"a": 3.0, "b": 0.5, "d": 2.0}  # c has 1


def items(names: str = "abcd") -> list[dict[str, Any]]:
    return [{"case": name, "image": torch.zeros(1, 4, 4)} for name in names]


def pictures(names: str = "abcd") -> Samples:
    return Samples(items(names), Compose([]), PLAN)


@pytest.fixture
def volumes() -> Samples:
    data = [{"case": name, "image": torch.zeros(1, 4, 4, count)} for name, count in SLICES.items()]
    return Samples(data, Compose([]), VOLUMES)


def test_the_expected_loss_is_the_weighted_loss(volumes: Samples) -> None:
    """Against the formula by case, in float64; the loss of each slice is any number."""
    losses = torch.rand(len(volumes), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    parts = dict(zip(SLICES, losses.split(list(SLICES.values())), strict=True))
    weights = {case: WEIGHTS.get(case, 1.0) for case in SLICES}
    weighted = sum(weights[case] * part.sum() for case, part in parts.items())
    expected = weighted / sum(weights[case] * count for case, count in SLICES.items())
    probability = sample_weights(volumes, WEIGHTS)
    torch.testing.assert_close((probability / probability.sum() * losses).sum(), expected)


@pytest.mark.parametrize("num_samples", [None, 40000])
def test_samples_come_as_often_as_their_weights_say(volumes: Samples, num_samples: int | None) -> None:
    """Of 40,000 draws; a share has a standard deviation of 0.0025 at most."""
    torch.manual_seed(0)
    sampler = sampler_of(volumes, WEIGHTS, num_samples)
    assert len(list(sampler)) == (num_samples or len(volumes))
    counts = Counter(index for _ in range(40000 // len(sampler)) for index in sampler)
    probability = sample_weights(volumes, WEIGHTS) / sample_weights(volumes, WEIGHTS).sum()
    shares = torch.tensor([counts[index] for index in range(len(volumes))], dtype=torch.float64) / counts.total()
    torch.testing.assert_close(shares, probability, rtol=0, atol=0.02)


def test_weights_that_no_sum_holds_are_relative() -> None:
    torch.manual_seed(0)
    counts = Counter(sampler_of(pictures(), {"a": 1e308, "b": 1e308, "c": 5e307}, 4000))
    assert counts[3] == 0 and abs(counts[0] - 1600) < 200 and abs(counts[2] - 800) < 200


@pytest.mark.parametrize("weights", [None, {}, dict.fromkeys("abcd", 0.3)])
def test_equal_weights_are_the_shuffle_of_before(weights: Mapping[str, float] | None) -> None:
    def epochs(**order: Any) -> list[list[str]]:
        torch.manual_seed(3)
        loader = DataLoader(pictures(), batch_size=3, **order)
        return [batch["case"] for _ in range(3) for batch in loader]

    assert epochs(sampler=sampler_of(pictures(), weights)) == epochs(shuffle=True)
    torch.manual_seed(3)
    drawn = list(sampler_of(pictures(), weights, 50))
    torch.manual_seed(3)
    assert drawn == list(RandomSampler(pictures(), replacement=True, num_samples=50))


def test_a_list_of_exclusions_is_a_training_without_these_cases() -> None:
    """Validation and test keep them, and the order is that of the cases that are left."""
    split = leave_out(Split(items(), items("e"), items("f"), "By hand."), {"b": 0, "e": 0, "f": 0}, "weights.csv")
    parts = [[item["case"] for item in part] for part in (split.training, split.validation, split.test)]
    assert parts == [["a", "c", "d"], ["e"], ["f"]]
    assert split.weights == {"a": 1, "b": 0, "c": 1, "d": 1}
    assert [item["case"] for item in split.of_all_folds] == ["a", "c", "d"], "case e is validated, but not planned"
    assert split.origin == (
        "By hand. weights.csv leaves out 1 of 4 training cases, by weight 0. It lists 1 of them; the rest has weight 1."
        " Of weight 0, but kept: 2 validation or test cases (e, f)."
    )
    left = Samples(split.training, Compose([]), PLAN)
    torch.manual_seed(1)
    order = [left[index]["case"] for index in sampler_of(left, split.weights)]
    torch.manual_seed(1)
    assert order == [pictures("acd")[index]["case"] for index in RandomSampler(pictures("acd"))]


def test_what_is_drawn_is_said_and_nothing_left_is_refused() -> None:
    split = leave_out(Split(items("abc")), {"a": 0, "b": 2, "c": 1}, "w.csv")
    assert split.origin == (
        "w.csv leaves out 1 of 3 training cases, by weight 0. The others are drawn in proportion to their weights."
    )
    with pytest.raises(InputError, match=r"^w\.csv: all 2 training cases have weight 0"):
        leave_out(Split(items("ab"), items("c")), {"a": 0, "b": 0, "c": 1}, "w.csv")


class Drawn:
    """A run of some epochs, and which cases came in each."""

    def __init__(self, **loader: Any) -> None:
        self.cases: dict[int, list[str]] = {}
        self.loader = share_batches(pictures(), 2, sampler=sampler_of(pictures(), WEIGHTS, 8), **loader)
        self.engine = Engine(self.step)
        EpochSeed(5).attach(self.engine)

    def step(self, engine: Engine, batch: Any) -> None:
        torch.rand(7)  # as augmentation and dropout draw
        self.cases.setdefault(engine.state.epoch, []).extend(batch["case"])

    def run(self, last: int, first: int = 1) -> dict[int, list[str]]:
        def continues() -> None:  # as a checkpoint is loaded
            self.engine.state.epoch, self.engine.state.iteration = first - 1, (first - 1) * len(self.loader)

        torch.seed()  # where a process comes from does not matter
        self.engine.add_event_handler(Events.STARTED, continues)
        self.engine.run(self.loader, max_epochs=last)
        return self.cases


def test_a_resumed_run_draws_what_it_would_have_drawn() -> None:
    whole = Drawn().run(last=4)
    assert len({tuple(cases) for cases in whole.values()}) == 4
    assert Drawn().run(last=4, first=3) == {epoch: whole[epoch] for epoch in (3, 4)}
    assert Drawn(num_workers=1).run(last=2) == {epoch: whole[epoch] for epoch in (1, 2)}


def test_several_processes_share_what_one_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Drawn().run(last=2)
    monkeypatch.setattr(distributed.idist, "get_world_size", lambda: 2)
    for rank in (0, 1):
        monkeypatch.setattr(distributed.idist, "get_rank", lambda rank=rank: rank)
        assert Drawn().run(last=2) == {epoch: cases[rank::2] for epoch, cases in whole.items()}


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("case,weight\na,0\nb,2.5\n", {"a": 0, "b": 2.5}),
        ("\ufeffweight,kind,case\r\n1e-3,fine,a\r\n", {"a": 0.001}),  # of a spreadsheet
        ("case,weight\n", {}),
        ("case, weight\r\n a , 0\r\n,\r\n\r\n", {"a": 0}),  # spaces, and rows that a spreadsheet left empty
        ("case,weight\ngro\u0308\u00dfe,0\n", {"gr\u00f6\u00dfe": 0}),  # as macOS writes file names
    ],
)
def test_a_table_of_weights(tmp_path: Path, text: str, weights: dict[str, float]) -> None:
    (tmp_path / "w.csv").write_bytes(text.encode())
    data = (*items(), {"case": "gr\u00f6\u00dfe"})
    assert read_case_weights(tmp_path / "w.csv", Dataset("plain", Path("/data"), data)) == weights


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, r"case_weights: .*w\.csv cannot be read \(No such file or directory\); expected a CSV file"),
        ("", r"w\.csv: expected a table with the columns case and weight, separated by commas, got no columns"),
        ("case;weight\na;1\n", "separated by commas, got 'case;weight'"),
        ("case,weight\na,many\n", "the weight of the case a must be a number from 0 up, got 'many'"),
        ("case,weight\na,\n", "the weight of the case a must be a number from 0 up, got ''"),
        ("case,weight\na\n", r"w\.csv, line 2: expected 2 fields, got 1: 'a'; a number"),
        (
            "case,weight\nb,1\na,0,5\n",
            r"w\.csv, line 3: expected 2 fields, got 3: 'a,0,5'; a number has a decimal point",
        ),
        ("case,weight,weight\na,0,1\n", "got 'case', 'weight', 'weight'"),
        ('case,weight\n"a,0\n', "cannot be read as a CSV file: unexpected end of data"),
        ("case,weight\na,-1\n", "the case a must be a number from 0 up, got '-1'"),
        ("case,weight\na,nan\n", "the case a must be a number from 0 up, got 'nan'"),
        ("case,weight\na,inf\n", "the case a must be a number from 0 up, got 'inf'"),
        ("case,weight\na,1\nb,1\na,1\n", "the case a is listed twice"),
        (
            "case,weight\na,1\npatient_1_mask,0\n",
            r"lists 1 of 2 cases that /data does not hold: patient_1_mask; did you",
        ),
        ("case,weight\nz9,1\n", r"lists 1 of 1 cases that /data does not hold: z9, whose cases are a, b, c, d, "),
        (b"case,weight\n\xff\xfe,1\n", r"w\.csv cannot be read as a CSV file: 'utf-8' codec"),
    ],
)
def test_what_is_no_table_of_weights_is_one_sentence(tmp_path: Path, text: str | bytes | None, sentence: str) -> None:
    if text is not None:
        (tmp_path / "w.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    dataset = Dataset("plain", Path("/data"), (*items(), *({"case": name} for name in ("patient_1", "patient_2"))))
    with pytest.raises(InputError, match=sentence) as error:
        read_case_weights(tmp_path / "w.csv", dataset)
    assert str(error.value).count("\n") == 0
