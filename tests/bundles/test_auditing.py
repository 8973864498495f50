"""`auditing`: folds or the network at hand, then the audit of the data set's labels by its own case names."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import bundle_runs
import pytest
from data_kinds import write_squares
from PIL import Image

import common.audit_bundle
import common.folds
import common.from_training
from common.audit_bundle import audit_bundle, labels_of, training_overlap
from common.datasets import read_dataset
from common.errors import InputError, find_input_error
from common.folds import measures
from common.io.files import read_csv

CASES = [f"case{index}" for index in range(6)]
FEW = {"features": [4, 8, 8], "max_epochs": 1, "batch_size": 3, "device": "cpu"}


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Masks whose files are not called as the cases are."""
    return write_squares(tmp_path / "data", "_mask")


@pytest.fixture
def verbs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """The runs that are started, in this process."""
    started: list[tuple[str, dict[str, Any]]] = []

    def run(folder: Path, verb: str, configs: list[Path], log: Path, threads: int, **overrides: Any) -> None:
        started.append((verb, overrides))
        overrides = {key: str(value) if isinstance(value, Path) else value for key, value in overrides.items()}
        bundle_runs.run_bundle(configs[0].parents[1].name, verb, [path.stem for path in configs], **overrides)

    for module in (common.folds, common.from_training):
        monkeypatch.setattr(module, "run_bundle", run)
    return started


def auditing(data: Path, output: Path, bundle: str = "t_loss", **options: Any) -> dict[str, Any]:
    places = {"dataset_dir": str(data), "output_dir": str(output)}
    bundle_runs.run_bundle(bundle, "auditing", ["train", "audit"], **places, **options)
    return json.loads((output / "audit/audit.json").read_text(encoding="utf-8"))


def test_every_label_is_judged_by_the_network_that_did_not_see_it(
    pictures: Path, tmp_path: Path, verbs: list[tuple[str, dict[str, Any]]], capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "output"
    found = auditing(pictures, output, num_folds=2, **FEW)
    assert [verb for verb, _ in verbs] == ["training", "evaluating", "inferring"] * 2
    assert all(verbs[place][1].items() >= FEW.items() for place in (0, 1, 3, 4)), "options are handed on"
    assert sorted(row["case"] for row in found["cases"]) == CASES and found["failures"] == {}
    weights = read_csv(output / "audit/weights.csv")
    assert [row["case"] for row in weights] == CASES == list(read_dataset(pictures).cases)
    said = capsys.readouterr().out  # how sure a network is after one epoch is a matter of the machine
    assert "Suspicious labels: " in said or "No case could be judged: " in said
    assert (output / "audit/audit.html").is_file()
    splits = [json.loads((output / f"folds/fold_{index}/split.json").read_text()) for index in (0, 1)]
    assert sorted(splits[0]["validation"] + splits[1]["validation"]) == CASES
    measured = [row for index in (0, 1) for row in measures(output / f"folds/fold_{index}")]
    assert sorted(row["case"] for row in measured if row["metric"] == "val_mean_dice") == CASES

    auditing(pictures, output, num_folds=2, **FEW)
    assert len(verbs) == 6, "finished folds are taken"
    with pytest.raises(Exception) as raised:
        auditing(pictures, output, num_folds=2, **FEW | {"max_epochs": 2})
    assert "holds a fold with other options" in str(find_input_error(raised.value))

    hand = auditing(pictures, tmp_path / "hand", num_folds=None, ckpt_dir=str(output / "folds/fold_0"), **FEW)
    assert [verb for verb, _ in verbs[6:]] == ["inferring"] and len(hand["cases"]) == 6
    said = f"was trained with {len(splits[0]['training'])} of these 6 labels and may have learned wrong ones by heart"
    assert said in hand["notes"][0] and said in capsys.readouterr().out
    assert said in (tmp_path / "hand/audit/audit.html").read_text(encoding="utf-8")

    own = {"num_folds": None, "ckpt_dir": str(output / "folds/fold_0"), **FEW}
    for least, left in ((0.0, 0), (1.0, 6)):
        limited = auditing(pictures, tmp_path / f"least_{least}", **own, **{"audit#least_certainty": least})
        assert limited["summary"]["not_judged"] == left
    with pytest.raises(Exception) as raised:
        auditing(pictures, tmp_path / "refused", **own, **{"audit#suspicious": 5})
    assert "suspicious: expected a probability above 0 and up to 1, got 5" in str(find_input_error(raised.value))
    assert not (tmp_path / "refused/audit/maps").exists()


@pytest.mark.parametrize(
    ("options", "readout"), [({}, "mean"), ({"readout": "vote"}, "vote"), ({"method": "majority"}, "estimate")]
)
def test_maps_of_an_audit_say_where_the_network_is_unsure(
    options: dict[str, str], readout: str, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are of the readout whose mask is that of the maps; who asks for another has it."""
    segment = Mock(side_effect=InputError("as far as this test goes"))
    monkeypatch.setattr(common.audit_bundle, "segment", segment)
    places = {"num_folds": None, "ckpt_dir": str(tmp_path / "models")}
    with pytest.raises(RuntimeError, match="audit_bundle"):
        auditing(pictures, tmp_path / "output", "disentangling_annotators", **places, **FEW, **options)
    assert segment.call_args.kwargs["readout"] == readout


def test_whose_labels(tmp_path: Path) -> None:
    for folder in ("images", "AR", "HS"):
        (tmp_path / folder).mkdir()
        Image.new("L", (8, 8)).save(tmp_path / folder / "a.png")
    dataset = read_dataset(tmp_path)
    assert labels_of(dataset, "HS") == ({"a": tmp_path.resolve() / "HS/a.png"}, "HS")
    with pytest.raises(
        InputError, match="there are labels by AR, HS; choose the annotator to audit by --audit#annotator"
    ):
        labels_of(dataset)
    with pytest.raises(InputError, match="audit#annotator: expected one of AR, HS, got 'JD'"):
        labels_of(dataset, "JD")


def test_several_networks_at_hand_are_named_with_what_they_learned(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("first", "second")]
    for folder, case in zip(folders, "ab", strict=True):
        folder.mkdir()
        (folder / "split.json").write_text(json.dumps({"training": [case], "validation": [], "test": []}))
    said = training_overlap(folders, {case: tmp_path / f"{case}.png" for case in "abc"})
    assert f"{folders[0]}, {folders[1]} was trained with 2 of these 3 labels" in said
    assert training_overlap(folders, {"c": tmp_path / "c.png"}) == "", "another data set, which no network can know"


def test_it_needs_the_command_that_it_hands_on(pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"run it by python -m monai\.bundle run, with the options in the command"):
        audit_bundle(read_dataset(pictures), pictures, tmp_path / "output", tmp_path / "models")
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize(
    "meaning", [{"values": {0: 0, 255: 1}}, {"colors": {"#000000": 0, "#ff0000": 1}}], ids=["gray", "colored"]
)
def test_all_annotators_are_audited_and_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], meaning: dict[str, Any]
) -> None:
    """Without a name all are; AR draws the truth and HS a pixel outside of it, by maps that are sure of the truth.

    What the values or colors of the labels mean the plan says: it is not asked for again.
    """
    maps: list[Path] = []
    for case in range(4):
        for folder, grown in (("images", 0), ("AR", 0), ("HS", 1), ("maps", 0)):
            mask = Image.new("L", (32, 32))
            mask.paste(255 if folder != "maps" else 240, (8 - grown, 9 - grown, 20 + case + grown, 22 + grown))
            if "colors" in meaning and folder in ("AR", "HS"):
                mask = Image.merge("RGB", (mask, *2 * [Image.new("L", (32, 32))]))
            path = tmp_path / ("maps" if folder == "maps" else f"data/{folder}") / f"{case}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            mask.save(path)

    def segment(configs: list[Path], items: Any, folders: list[Path], target: Path, *rest: Any, **options: Any) -> None:
        maps.append(target)
        shutil.copytree(tmp_path / "maps", target)

    plan = SimpleNamespace(class_names=("background", "object"), labels={"": meaning}, channels=1)
    train = str(bundle_runs.BUNDLES / "t_loss/configs/train.yaml")
    monkeypatch.setattr(common.audit_bundle, "given_files", lambda: [train])
    monkeypatch.setattr(common.audit_bundle, "given_overrides", dict)
    monkeypatch.setattr(common.audit_bundle, "training_folders", lambda places: [tmp_path])
    monkeypatch.setattr(common.audit_bundle, "segment", segment)
    monkeypatch.setattr(common.audit_bundle, "load_plan", lambda folder: plan)
    dataset = read_dataset(tmp_path / "data")
    places = dataset, tmp_path / "data", tmp_path / "output", "models", None
    with pytest.raises(InputError, match=r"0 and all other cases: .*0\.png: .*as seg\.nrrd, which is for volumes"):
        audit_bundle(*places, output_format="seg.nrrd")
    (tmp_path / "order.csv").write_text("case,order\n0.png,1\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"order: expected the places of the cases 0, 1, 2, 3, got those of 0\.png"):
        audit_bundle(*places, order=str(tmp_path / "order.csv"))
    with pytest.raises(InputError, match=r"previous: .*AR: expected the folder of an audit"):
        audit_bundle(*places, previous=str(tmp_path))
    assert not maps, "it is said before a network is asked"
    audit_bundle(*places, maps_of_false_labels=True, output_format="label_studio")
    audited = tmp_path / "output/audit"
    rows = {row["annotator"]: row for row in read_csv(audited / "annotators.csv")}
    assert float(rows["HS"]["border_shift"]) == pytest.approx(1.0, abs=0.2)
    assert float(rows["AR"]["border_shift"]) == pytest.approx(0.0, abs=0.1)
    assert (audited / "AR/tool_files.json").is_file() and (audited / "HS/tool_files.json").is_file()
    assert maps == [audited / "maps"] and (audited / "HS/false_labels/2.png").is_file()
    caution = "may have learned wrong ones by heart"
    assert caution in capsys.readouterr().out
    assert all(caution in (audited / page).read_text(encoding="utf-8") for page in ("annotators.html", "AR/audit.html"))


def test_options_of_one_fold_are_refused(pictures: Path, tmp_path: Path) -> None:
    for name, value in (("fold", 1), ("resume", True)):
        with pytest.raises(Exception, match="audit_bundle") as caught:
            auditing(pictures, tmp_path / "output", **{name: value})
        assert f"{name}: expected none, since auditing trains all folds" in str(find_input_error(caught.value))
    assert not (tmp_path / "output/folds").exists()
