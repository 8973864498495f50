"""An interrupted inference: what is finished stays, what is not is done, and nothing of other weights is mixed in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ignite.engine import Engine
from monai.data import DataLoader, Dataset
from monai.engines import SupervisedEvaluator
from monai.transforms import Compose
from PIL import Image

from common.errors import InputError
from common.formats import SaveInFormatd
from common.io import LoadCased
from common.io.files import read_csv
from common.transforms import SaveSegmentationd
from common.workflow import InferenceProgress, PredictionSummary

CASES = ("a", "b", "c", "d")


class Network(torch.nn.Module):
    """Half of the brightness; ends the run at one image, as a crash does."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(0.5))
        self.calls, self.last = 0, 99

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        if self.calls > self.last:
            raise RuntimeError("killed")
        return image / 255 * self.weight.detach()


@pytest.fixture
def items(tmp_path: Path) -> list[dict[str, str]]:
    for index, case in enumerate(CASES):
        Image.new("L", (8, 6), 60 * (index + 1)).save(tmp_path / f"{case}.png")
    return [{"case": case, "image": str(tmp_path / f"{case}.png")} for case in CASES]


def infer(
    items: list[dict[str, str]], folder: Path, network: Network, then: Sequence[Any] = (), **options: Any
) -> InferenceProgress:
    progress = InferenceProgress(items, str(folder), network, **{"settings": {"threshold": 0.3}, **options})
    evaluator = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset(progress.items, LoadCased("image")), batch_size=1),
        network=network,
        postprocessing=Compose([SaveSegmentationd("pred", str(folder), threshold=0.3), *then]),
        val_handlers=[PredictionSummary(str(folder), progress=progress), progress],
    )
    progress.run(evaluator)
    return progress


def test_a_second_run_on_other_images_keeps_the_rows_of_the_first(items: list[dict[str, str]], tmp_path: Path) -> None:
    out = tmp_path / "out"
    infer(items[2:], out, Network())
    infer(items[:2], out, Network())
    assert [row["case"] for row in read_csv(out / "summary.csv")] == ["a", "b", "c", "d"]
    next(out.glob("c_mask*")).unlink()
    infer(items[:2], out, Network())
    assert [row["case"] for row in read_csv(out / "summary.csv")] == ["a", "b", "d"], "of what is gone there is no row"


def test_a_table_without_rows_has_a_header(tmp_path: Path) -> None:
    """As `instances.csv` has, where nothing was found."""
    engine = Engine(lambda _, batch: batch)
    PredictionSummary(str(tmp_path), "instances").attach(engine)
    engine.run([[{"instances": []}]])
    assert (tmp_path / "instances.csv").read_text(encoding="utf-8").split() == ["case"]


@pytest.fixture
def interrupted(items: list[dict[str, str]], tmp_path: Path) -> Path:
    """A folder of results whose run ended at the third of four images."""
    network = Network()
    network.last = 2
    with pytest.raises(RuntimeError, match="killed"):
        infer(items, tmp_path / "out", network)
    return tmp_path / "out"


def test_it_goes_on_where_it_stopped(items: list[dict[str, str]], interrupted: Path) -> None:
    (interrupted / ".partial-x").mkdir()  # what a kill in the midst of writing leaves
    (interrupted / ".partial-x/c_mask.png").write_bytes(b"half")
    before = {path.name: path.stat().st_mtime_ns for path in interrupted.glob("*.png")}
    assert sorted(before) == ["a_mask.png", "b_mask.png"]
    network = Network()
    infer(items, interrupted, network)
    assert network.calls == 2
    assert {name: (interrupted / name).stat().st_mtime_ns for name in before} == before
    rows = read_csv(interrupted / "summary.csv")
    assert [row["case"] for row in rows] == list(CASES)
    assert [row["foreground_pixels"] for row in rows] == ["0", "0", "48", "48"]
    names = {".partial-x", "inference.json", "summary.csv", *(f"{case}_mask.png" for case in CASES)}
    assert {path.name for path in interrupted.iterdir()} == names - {".partial-x"}
    again = Network()
    (interrupted / "summary.csv").unlink()
    infer(items, interrupted, again)
    assert again.calls == 0 and read_csv(interrupted / "summary.csv") == rows


def test_the_end_says_where_the_results_are(
    items: list[dict[str, str]], interrupted: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "common.workflow.inference_progress")
    for _ in range(2):  # the second time nothing is left to do
        infer(items, interrupted, Network())
        assert caplog.messages[-1] == f"{len(CASES)} images segmented, see summary.csv in {interrupted}."


def test_a_mask_that_its_format_does_not_take_stops_nothing(items: list[dict[str, str]], tmp_path: Path) -> None:
    """The image has changed since it was read; the next run does it again."""
    folder, network = tmp_path / "out", Network()

    def change(item: dict[str, Any]) -> dict[str, Any]:
        if item["case"] == "b":
            Image.new("L", (5, 6), 120).save(tmp_path / "b.png")
        return item

    save = SaveInFormatd("pred", str(folder), ["background", "disc"], "t_loss", "label_studio", keep_going=True)
    infer(items, folder, network, then=[change, save])
    ((path, reason),) = save.failures
    assert path == str(tmp_path / "b.png") and "expected the size" in reason
    assert sorted(file.name for file in folder.glob("*.json")) == [
        *(f"{case}_mask.json" for case in "acd"),
        "inference.json",
    ]
    assert len(infer(items, folder, network, then=[save]).items) == 1 and network.calls == 5
    assert (folder / "b_mask.json").is_file() and len(save.failures) == 1


def test_a_missing_result_or_a_new_image_is_done_again(items: list[dict[str, str]], interrupted: Path) -> None:
    (interrupted / "b_mask.png").unlink()
    Image.fromarray(np.full((9, 9), 255, np.uint8)).save(items[0]["image"])
    network = Network()
    infer(items, interrupted, network)
    assert network.calls == 4
    rows = read_csv(interrupted / "summary.csv")
    assert [(row["case"], row["foreground_pixels"]) for row in rows][:2] == [("a", "81"), ("b", "0")]


def test_other_weights_or_settings_are_refused(items: list[dict[str, str]], interrupted: Path) -> None:
    network = Network()
    torch.nn.init.constant_(network.weight, 0.7)
    with pytest.raises(InputError, match=r"made with other weights; .* --overwrite true"):
        infer(items, interrupted, network)
    with pytest.raises(InputError, match=r"made with other settings \(threshold\); .* --overwrite true"):
        infer(items, interrupted, Network(), settings={"threshold": 0.6})
    assert network.calls == 0 and len(read_csv(interrupted / "summary.csv")) == 2
    infer(items, interrupted, network, overwrite=True)
    assert network.calls == 4 and len(read_csv(interrupted / "summary.csv")) == 4


def test_nothing_of_the_run_that_is_started_over_stays(items: list[dict[str, str]], tmp_path: Path) -> None:
    folder, other = tmp_path / "results", tmp_path / "results/notes.txt"
    infer(items, folder, Network())
    Path(folder, "a_report.dcm").touch()  # as another output format would
    record = json.loads((folder / "inference.json").read_text())
    record["cases"]["a"]["files"].append("a_report.dcm")
    (folder / "inference.json").write_text(json.dumps(record))
    (folder / "instances.csv").touch()
    other.touch()
    infer(items[1:], folder, Network(), settings={}, overwrite=True)
    kept = {"inference.json", "notes.txt", "summary.csv", "b_mask.png", "c_mask.png", "d_mask.png"}
    assert {path.name for path in folder.iterdir() if not path.name.startswith(".")} == kept


def test_with_the_same_weights_and_settings_results_of_other_images_stay(
    items: list[dict[str, str]], tmp_path: Path
) -> None:
    for number in (0, 1, 0):
        infer(items[number : number + 1], tmp_path / "results", Network(), overwrite=True)
    assert sorted(path.name for path in (tmp_path / "results").glob("*_mask.png")) == ["a_mask.png", "b_mask.png"]
    assert len(infer(items[:3], tmp_path / "results", Network()).items) == 1, "what is there is recorded"


def test_neither_images_nor_files_elsewhere_are_deleted(items: list[dict[str, str]], tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "images", tmp_path / "a_elsewhere.png"
    folder.mkdir()
    elsewhere.touch()
    moved = [{**item, "image": str(folder / f"{item['case']}_0000.png")} for item in items]  # as nnU-Net names them
    for item, new in zip(items, moved, strict=True):
        Path(item["image"]).rename(new["image"])
    infer(moved, folder, Network())
    record = json.loads((folder / "inference.json").read_text())
    assert [case["files"] for case in record["cases"].values()] == [[f"{case}_mask.png"] for case in CASES]
    record["cases"]["a"]["files"] += ["a_0000.png", "../a_elsewhere.png"]
    record["cases"]["../a"] = {"image": [], "files": ["a_elsewhere.png"], "tables": {}}
    (folder / "inference.json").write_text(json.dumps(record))
    infer(moved, folder, Network(), settings={}, overwrite=True)
    assert elsewhere.is_file() and all(Path(item["image"]).is_file() for item in moved)


def test_a_record_of_every_file_of_the_cases_name_deletes_none(
    items: list[dict[str, str]], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As version 0.1.0 wrote it: what a user keeps beside a picture may be among them."""
    folder = tmp_path / "results"
    infer(items, folder, Network())
    label = folder / "a_label.png"
    label.touch()
    record = json.loads((folder / "inference.json").read_text())
    record["cases"]["a"]["files"].append(label.name)
    del record["files_are_written"]
    (folder / "inference.json").write_text(json.dumps(record))
    infer(items, folder, Network(), settings={}, overwrite=True)
    assert label.is_file() and any("stay if they are not written anew: a_mask.png" in said for said in caplog.messages)
    assert json.loads((folder / "inference.json").read_text())["cases"]["a"]["files"] == ["a_mask.png"]


def test_an_older_record_that_is_gone_on_with_deletes_none_either(items: list[dict[str, str]], tmp_path: Path) -> None:
    folder = tmp_path / "results"
    infer(items[:2], folder, Network())
    label = folder / "a_label.png"
    label.touch()
    record = json.loads((folder / "inference.json").read_text())
    record["cases"]["a"]["files"].append(label.name)
    del record["files_are_written"]
    (folder / "inference.json").write_text(json.dumps(record))
    infer(items, folder, Network())
    infer(items, folder, Network(), settings={}, overwrite=True)
    assert label.is_file()


@pytest.mark.parametrize("damage", [{"files": None}, {"image": None}, {"files": 1}])
def test_a_record_with_a_damaged_case_is_none(
    damage: dict[str, Any], items: list[dict[str, str]], tmp_path: Path
) -> None:
    folder = tmp_path / "results"
    infer(items, folder, Network())
    record = json.loads((folder / "inference.json").read_text())
    record["cases"]["a"] |= damage
    for overwrite in (False, True):
        (folder / "inference.json").write_text(json.dumps(record))
        assert len(infer(items, folder, Network(), overwrite=overwrite).items) == len(CASES)
        assert sorted(path.name for path in folder.glob("*_mask.png")) == [f"{case}_mask.png" for case in CASES]


def test_a_case_has_its_own_files_alone(items: list[dict[str, str]], tmp_path: Path) -> None:
    longer = [{**item, "case": case} for item, case in zip(items, ("a_b", "a", "a_b_c", "b"), strict=True)]
    infer(longer, tmp_path / "results", Network())
    record = json.loads((tmp_path / "results/inference.json").read_text())
    assert {case: known["files"] for case, known in record["cases"].items()} == {
        item["case"]: [f"{item['case']}_mask.png"] for item in longer
    }


def test_a_damaged_record_is_none(items: list[dict[str, str]], interrupted: Path) -> None:
    (interrupted / "inference.json").write_text("{")
    network = Network()
    infer(items, interrupted, network)
    assert network.calls == 4 and set(json.loads((interrupted / "inference.json").read_text())["cases"]) == set(CASES)
