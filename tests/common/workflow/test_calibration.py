"""The evaluator's table of reliability, and the temperature that it fits for inference."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
import torch
from ignite.engine import Engine
from monai.engines import SupervisedEvaluator
from monai.transforms import Activationsd, AsDiscreted, Compose, CopyItemsd

from common.decision import fit_temperature
from common.errors import InputError
from common.io.files import read_csv
from common.metrics import reliability_bins
from common.workflow import FitTemperature, ReliabilityTable, load_temperature

NAMES = ["background", "ventricle", "myocardium"]


def batches(sizes: tuple[int, ...] = (6, 4)) -> list[dict[str, torch.Tensor]]:
    """Two volumes of different sizes, whose network is the identity."""
    generator = torch.Generator().manual_seed(0)
    return [
        {
            "image": 3 * torch.randn(1, 3, n, n, n, generator=generator),
            "label": torch.randint(3, (1, 1, n, n, n), generator=generator).float(),
        }
        for n in sizes
    ]


def evaluate(handlers: list, data: list[dict[str, torch.Tensor]]) -> None:
    """The evaluator of the bundle: probabilities kept beside the mask."""
    steps = [
        Activationsd("pred", softmax=True),
        CopyItemsd("pred", names="probabilities"),
        AsDiscreted("pred", argmax=True),
    ]
    SupervisedEvaluator("cpu", data, torch.nn.Identity(), postprocessing=Compose(steps), val_handlers=handlers).run()


@pytest.mark.parametrize("region", ["all", "foreground"])
def test_the_table_pools_all_images(region: str, tmp_path: Path) -> None:
    data = batches()
    table = ReliabilityTable(tmp_path, NAMES, bins=5, region=region)
    evaluate([table], data)
    rows = read_csv(tmp_path / "reliability.csv")
    assert [(row["class"], row["bin"]) for row in rows] == [(name, str(b)) for name in NAMES for b in range(1, 6)]
    line = {key: torch.cat([item[key].movedim(1, 0).flatten(1) for item in data], 1)[None] for key in data[0]}
    found = reliability_bins(line["image"].softmax(1), line["label"], 5, region)
    for name, expected in zip(("count", "confidence", "accuracy"), found, strict=True):
        values = torch.tensor([float(row[name]) for row in rows], dtype=torch.float64).view(3, 5)
        torch.testing.assert_close(values, expected)
    evaluate([table], data)
    assert read_csv(tmp_path / "reliability.csv") == rows, "a second run starts anew"


def test_empty_bins_stay_empty(tmp_path: Path) -> None:
    certain = [{"image": torch.tensor([[[9.0, 9.0]], [[-99.0, -99.0]]])[None], "label": torch.zeros(1, 1, 1, 2)}]
    evaluate([ReliabilityTable(tmp_path, NAMES[:2], bins=3)], certain)
    rows = read_csv(tmp_path / "reliability.csv")
    assert rows[2] == {"class": "background", "bin": "3", "count": "2", "confidence": "1.0", "accuracy": "1.0"}
    assert rows[1] == {"class": "background", "bin": "2", "count": "0", "confidence": "", "accuracy": ""}
    with pytest.raises(InputError, match="expected 2 classes"):
        evaluate([ReliabilityTable(tmp_path, NAMES)], certain)


def test_the_temperature_is_that_of_the_logits(tmp_path: Path) -> None:
    data = batches()
    evaluate([FitTemperature(tmp_path / "models")], data)
    found = load_temperature(tmp_path / "models/temperature.json")
    logits = torch.cat([item["image"].flatten(2) for item in data], 2)
    assert found == fit_temperature(logits, torch.cat([item["label"].flatten(2) for item in data], 2))
    assert load_temperature(tmp_path / "models") == found
    evaluate([FitTemperature(tmp_path / "models")], batches((3,)))
    assert load_temperature(tmp_path / "models") != found, "another run, another temperature"


def test_the_temperature_of_probabilities_is_that_of_their_logarithms(tmp_path: Path) -> None:
    """Of the first channels, behind which other predictions may follow."""
    (item,) = batches((6,))
    joined = torch.cat((item["image"].softmax(1), torch.rand(1, 5, 6, 6, 6)), 1)
    for folder, image, classes in (("z", item["image"], None), ("p", joined, 3)):
        network_output = {"image": image, "label": item["label"]}
        engine = SupervisedEvaluator("cpu", [network_output], torch.nn.Identity(), decollate=False)
        FitTemperature(tmp_path / folder, classes).attach(engine)
        engine.run()
    assert load_temperature(tmp_path / "p") == pytest.approx(load_temperature(tmp_path / "z"), rel=1e-4)


def test_cases_without_a_ground_truth_are_named(tmp_path: Path) -> None:
    engine = SupervisedEvaluator("cpu", [{"image": torch.zeros(1, 2, 4, 4)}], torch.nn.Identity(), decollate=False)
    FitTemperature(tmp_path).attach(engine)
    with pytest.raises(InputError, match="validation cases with a ground truth"):
        engine.run()


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


def test_a_temperature_at_the_end_of_its_range_is_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    evaluate([FitTemperature(tmp_path)], batches())
    assert not warnings(caplog)
    wrong = torch.tensor([[[0.0, 9.0]], [[9.0, 0.0]]])[None]
    evaluate([FitTemperature(tmp_path)], [{"image": wrong, "label": torch.tensor([[[[0.0, 1.0]]]])}])
    assert ["the end of its range" in message for message in warnings(caplog)] == [True]


def test_temperatures_that_are_given(tmp_path: Path) -> None:
    assert load_temperature(None) == 1.0
    assert load_temperature(tmp_path, "2.5") == 2.5
    for wrong in ("warm", 0, -1, "nan", "inf"):
        with pytest.raises(InputError, match="fitted or a positive number"):
            load_temperature(tmp_path, wrong)


def test_a_fitted_temperature_that_is_not_used_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "common.workflow")
    assert load_temperature(tmp_path, None) == 1.0 and not caplog.messages
    (tmp_path / "temperature.json").write_text('{"temperature": 2.0}')
    assert load_temperature(tmp_path, None) == 1.0
    (message,) = caplog.messages
    assert message.startswith(f"{tmp_path}/temperature.json is not used; --temperature fitted")
    assert load_temperature(tmp_path) == 2.0 and len(caplog.messages) == 1


@pytest.mark.parametrize("text", ["{", "[]", "{}", json.dumps({"temperature": -1}), json.dumps({"temperature": None})])
def test_files_without_a_temperature(text: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no fitted temperature"):
        load_temperature(tmp_path)
    (tmp_path / "temperature.json").write_text(text)
    with pytest.raises(InputError, match=r"temperature\.json: expected a"):
        load_temperature(tmp_path)


def test_no_validation_images(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least one validation image"):
        FitTemperature(str(tmp_path)).write()
    evaluator = Engine(lambda engine, batch: batch)
    evaluator.data_loader = []  # as MONAI's has it, which then does not run
    with pytest.raises(InputError, match="at least one validation image"):
        FitTemperature(str(tmp_path)).attach(evaluator)
    assert not list(tmp_path.iterdir())
