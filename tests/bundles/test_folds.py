"""`python -m common.folds`: every case is measured and segmented by the network that did not see it."""

from __future__ import annotations

import csv
import json
import math
import os
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import bundle_runs
import numpy as np
import pytest
import yaml
from data_kinds import write_squares
from PIL import Image

import common.folds
import common.from_training
from common.datasets import Dataset, read_dataset, split_dataset
from common.errors import InputError
from common.folds import cross_validate, folds, measures, summarize
from common.from_training import BUNDLES, held_out, reading_options, segment
from common.io.files import read_csv, write_csv
from common.run_bundle import RUNNING, run_bundle, stop_runs
from common.workflow.process_end import CALLER


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return write_squares(tmp_path / "data")


def probability_map(pictures: Path, work: Path, place: str) -> np.ndarray:
    """The marginals of a picture: of a training, or of several their average."""
    output = work / "new" / Path(place).name
    values = {"dataset_dir": str(pictures / "train/images/case0.png"), "ckpt_dir": str(work / place)}
    bundle_runs.run_bundle(
        "marginal_thresholding", "inferring", ["inference"], output_dir=str(output), save_marginal=True, **values
    )
    return np.asarray(Image.open(output / "case0_marginal.png"), dtype=float)


def test_every_case_is_segmented_by_the_network_that_did_not_see_it(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    bundle, metric = "marginal_thresholding", "dice_half"  # of t_loss, whose tables are others, see test_auditing.py
    verbs: list[str] = []

    def run(folder: Path, verb: str, configs: list[Path], log: Path, threads: int, **overrides: Any) -> None:
        assert folder == Path.cwd()
        verbs.append(verb)
        overrides = {key: str(value) if isinstance(value, Path) else value for key, value in overrides.items()}
        bundle_runs.run_bundle(configs[0].parents[1].name, verb, [path.stem for path in configs], **overrides)

    for module in (common.folds, common.from_training):
        monkeypatch.setattr(module, "run_bundle", run)
    options = {"num_folds": 2, "features": [4, 8, 8], "max_epochs": 1, "batch_size": 3, "layout": "plain"}
    for name in ("images", "masks"):  # a test case of the data set's own, which no fold measures
        (pictures / "train").mkdir(exist_ok=True)
        (pictures / name).rename(pictures / "train" / name)
        (pictures / "test" / name).mkdir(parents=True)
        shutil.copy(pictures / f"train/{name}/case0.png", pictures / f"test/{name}/apart.png")
    weights = tmp_path / "weights.csv"
    weights.write_text("case,weight\ncase0,0\n", encoding="utf-8")
    options["case_weights"] = str(weights)
    folds(bundle, str(pictures), str(tmp_path / "runs"), **options)
    assert verbs == ["training", "evaluating", "inferring"] * 2

    seen = [json.loads((tmp_path / f"runs/fold_{index}/split.json").read_text(encoding="utf-8")) for index in (0, 1)]
    assert sorted(seen[0]["validation"] + seen[1]["validation"]) == [f"case{index}" for index in range(6)]
    for index, split in enumerate(seen):
        assert not set(split["training"]) & set(split["validation"])
        written = [path.name for path in (tmp_path / f"runs/fold_{index}/out_of_fold").glob("*.png")]
        assert sorted(name.rsplit("_", 1)[0] for name in written if name.endswith("_mask.png")) == split["validation"]
        assert sum(name.endswith(("_probability.png", "_marginal.png")) for name in written) == 3
    rows = [row for row in read_csv(tmp_path / "runs/out_of_fold.csv") if row["metric"] == metric]
    assert sorted(row["case"] for row in rows) == [f"case{index}" for index in range(6)]
    mean = np.mean([float(row["value"]) for row in rows])
    said = capsys.readouterr().out
    assert f"{metric}: {mean:.4f} over 6 cases" in said
    log = tmp_path / "runs/fold_1/evaluating.log"
    assert said.index("fold_1: training, see") < said.index(f"fold_1: evaluating, see {log}\n")  # without a bar

    first, second = ((tmp_path / f"runs/fold_{index}/plan.json").read_bytes() for index in (0, 1))
    assert first == second, "one plan for the data set, without the case of weight 0 in whichever fold"
    places = ("runs/fold_0", "runs/fold_1", "runs")
    fold_0, fold_1, both = (probability_map(pictures, tmp_path, place) for place in places)
    assert np.abs(both - (fold_0 + fold_1) / 2).max() <= 1.5, "gray levels, each map rounded"

    folds(bundle, str(pictures), str(tmp_path / "runs"), **options)
    assert len(verbs) == 6, "finished folds are kept"
    with pytest.raises(InputError, match=r"holds a fold with other options \(max_epochs\);"):
        folds(bundle, str(pictures), str(tmp_path / "runs"), **options | {"max_epochs": 2})
    weights.write_text("case,weight\ncase1,0\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"holds a fold with other options \(weights\);"):
        folds(bundle, str(pictures), str(tmp_path / "runs"), **options)


def test_cases_are_segmented_by_the_network_of_the_overlay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Overlays of data or method mean nothing to inference."""
    started: list[tuple[list[str], dict[str, Any]]] = []
    monkeypatch.setattr(
        common.from_training,
        "run_bundle",
        lambda folder, verb, configs, log, threads, **overrides: started.append(([c.stem for c in configs], overrides)),
    )
    for bundle, overlay in (("soft_label_apl", "unet"), ("t_loss", "noise")):
        configs = [bundle_runs.BUNDLES / f"{bundle}/configs/{name}.yaml" for name in ("train", overlay)]
        segment(configs, [{"case": "a", "image": "/data/a.png"}], [tmp_path], tmp_path / "maps", 1)
    assert [names for names, _ in started] == [["inference", "unet"], ["inference"]]
    assert started[0][1]["save_probabilities"] is started[1][1]["save_probability"] is True
    listed = json.loads(Path(started[1][1]["dataset_dir"]).read_text(encoding="utf-8"))
    assert listed == {"testing": [{"case": "a", "image": "/data/a.png"}]}


def test_the_data_set_is_read_as_by_the_training() -> None:
    """Of an overlay's four modalities the held-out images have all four channels, unless the command says others."""
    configs = [bundle_runs.BUNDLES / f"disentangling_annotators/configs/{name}.yaml" for name in ("train", "ms_lesion")]
    read = {"layout": "ms_lesion", "annotators": None, "truth": None, "modalities": ["flair", "mprage", "pd", "t2"]}
    assert reading_options(configs, {}) == read
    given = {"modalities": ["flair"], "truth": "mask1", "max_epochs": 3}
    assert reading_options(configs, given) == read | {"modalities": ["flair"], "truth": "mask1"}
    organs = [
        bundle_runs.BUNDLES / f"marginal_thresholding/configs/{name}.yaml" for name in ("train", "totalsegmentator")
    ]
    found = reading_options(organs, {"organ": "aorta"})
    assert (found["organ"], found["max_cases"], found["layout"]) == ("aorta", 400, "totalsegmentator")
    for bundle, key in (("t_loss", "data#modalities"), ("disentangling_annotators", "data#dataset#modalities")):
        found = reading_options([bundle_runs.BUNDLES / f"{bundle}/configs/train.yaml"], {key: ["T1w"]})
        assert found["modalities"] == ["T1w"] and found["layout"] is None


def in_sections(folder: Path, **cases: str) -> Path:
    """A data set of empty files with its own sections; it is only listed."""
    for section, names in cases.items():
        for name in names:
            for part in ("images", "masks"):
                path = folder / section / part / f"{name}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
    return folder


def test_a_log_hears_now_and_then_how_far_the_folds_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where there is no terminal, and so no bar."""
    said: list[str] = []

    def run(folder: Path, verb: str, configs: Any, log: Path, threads: int, **overrides: Any) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("epoch 2/5  loss 1", encoding="utf-8")
        end = time.monotonic() + 20
        while "fold_0: epoch 2/5\n" not in "".join(said) and time.monotonic() < end:
            time.sleep(0.01)
            said.append(capsys.readouterr().out)
        raise InputError("as far as this test goes" if time.monotonic() < end else "nothing was said")

    monkeypatch.setattr(common.folds, "run_bundle", run)
    for name in ("POLLED", "FIRST_WORD"):
        monkeypatch.setattr(common.folds, name, 0.01)
    data = in_sections(tmp_path / "data", train="abcdef")
    with pytest.raises(InputError, match="as far as"):
        folds("t_loss", str(data), str(tmp_path / "runs"), num_folds=2)


def test_of_own_sections_every_case_but_those_of_the_test_is_held_out_once_and_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    splits: list[dict[str, Any]] = []
    measured: list[Any] = []

    def run(folder: Path, verb: str, configs: Any, log: Path, threads: int, **overrides: Any) -> None:
        if verb == "training":
            found = split_dataset(read_dataset(data), fold=overrides["fold"], num_folds=overrides["num_folds"])
            parts = {"training": found.training, "validation": found.validation, "test": found.test}
            splits.append({name: [item["case"] for item in part] for name, part in parts.items()})
            Path(overrides["ckpt_dir"]).mkdir(parents=True)
            (overrides["ckpt_dir"] / "split.json").write_text(json.dumps(splits[-1]), encoding="utf-8")
            assert "tested" not in overrides
        if verb == "evaluating":
            measured.append(overrides["tested"])

    for module in (common.folds, common.from_training):
        monkeypatch.setattr(module, "run_bundle", run)
    data = in_sections(tmp_path / "data", train="abcdef", val="gh", test="ij")
    folds("t_loss", str(data), str(tmp_path / "runs"), num_folds=3)
    assert sorted(case for split in splits for case in split["validation"]) == list("abcdefgh")
    assert all(split["test"] == ["i", "j"] and len(split["training"]) in (5, 6) for split in splits)
    assert measured == ["$@split.validation"] * 3


@pytest.mark.parametrize("bundle", sorted(path.parents[1].name for path in BUNDLES.glob("*/configs/evaluate.yaml")))
def test_what_is_measured_has_one_key(bundle: str) -> None:
    text = (bundle_runs.BUNDLES / f"{bundle}/configs/evaluate.yaml").read_text(encoding="utf-8")
    content = yaml.safe_load(text)
    assert content["tested"] == "$@split.test or @split.validation" and content["validate#dataset#data"] == "@tested"


def test_folds_that_would_leave_cases_out_are_refused(tmp_path: Path) -> None:
    items = [{"image": f"{name}.png", "label": f"{name}_l.png", "fold": k % 5} for k, name in enumerate("abcdefghij")]
    (tmp_path / "data").mkdir()
    for item in items:
        (tmp_path / f"data/{item['image']}").touch()
        (tmp_path / f"data/{item['label']}").touch()
    (tmp_path / "data/list.json").write_text(json.dumps({"training": items}), encoding="utf-8")
    for number in (3, 6):
        with pytest.raises(InputError, match=rf"num_folds: .*data has 5 folds of its own, got {number}\."):
            folds("t_loss", str(tmp_path / "data"), str(tmp_path / "runs"), num_folds=number)
    one = tmp_path / "one.json"
    one.write_text('{"training": ["a", "b"], "validation": ["c"]}', encoding="utf-8")
    with pytest.raises(
        InputError, match=r"3 of 3 are not, such as a, which 0 of 2 folds hold out .As .*one\.json says"
    ):
        folds("t_loss", str(tmp_path / "data"), str(tmp_path / "runs"), num_folds=2, split_file=str(one))
    assert not (tmp_path / "runs").exists()


def test_an_option_that_inference_has_too_counts_for_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    items = tuple({"case": name, "subject": name, "image": f"/data/{name}.png"} for name in "abcd")
    given: dict[str, list[dict[str, Any]]] = {"training": [], "inferring": []}

    def run(folder: Path, verb: str, configs: Any, log: Path, threads: int, **overrides: Any) -> None:
        if verb == "training":
            Path(overrides["ckpt_dir"]).mkdir(parents=True)
            split = {"training": ["a"], "validation": ["b"], "test": []}
            (overrides["ckpt_dir"] / "split.json").write_text(json.dumps(split), encoding="utf-8")
        given.setdefault(verb, []).append(overrides)

    for module in (common.folds, common.from_training):
        monkeypatch.setattr(module, "run_bundle", run)
    configs = [bundle_runs.BUNDLES / "disentangling_annotators/configs/train.yaml"]
    cross_validate(
        configs, tmp_path, Dataset("plain", tmp_path, items), tmp_path / "runs", 2, readout="estimate", trace_weight=0.2
    )
    assert [each["readout"] for verb in ("training", "inferring") for each in given[verb]] == ["estimate"] * 4
    assert given["training"][0]["trace_weight"] == 0.2 and "trace_weight" not in given["inferring"][0]


def test_a_channel_per_file_stays_a_list(tmp_path: Path) -> None:
    (tmp_path / "split.json").write_text('{"training": ["b"], "validation": ["a"], "test": []}', encoding="utf-8")
    items = [
        {"case": "a", "image": [tmp_path / "a_0000.png", tmp_path / "a_0001.png"]},
        {"case": "b", "image": "b.png"},
    ]
    channels = [str((tmp_path / f"a_000{index}.png").resolve()) for index in (0, 1)]
    assert held_out(tmp_path, items) == [{"case": "a", "image": channels}]


def test_cases_without_a_measure_count_nowhere(tmp_path: Path) -> None:
    scores = [[0.2, math.nan], [0.6, 1.0, math.nan]]
    for index, values in enumerate(scores):
        (tmp_path / f"fold_{index}/evaluation").mkdir(parents=True)
        with (tmp_path / f"fold_{index}/evaluation/dice_raw.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([["filename", "mean"], *([f"{index}{k}", v] for k, v in enumerate(values))])
    rows = [{"fold": index, **row} for index in (0, 1) for row in measures(tmp_path / f"fold_{index}")]
    assert [row["case"] for row in rows] == ["00", "01", "10", "11", "12"]
    assert summarize(rows)["dice"] == pytest.approx((0.6, 0.18**0.5, 3))  # folds 0.3 from 0.6 each
    missing = summarize([{"fold": 0, "metric": "dice", "case": "a", "value": math.nan}])["dice"]
    assert math.isnan(missing[0]) and missing[2] == 0


def test_subjects_that_are_called_by_numbers_are_no_measure(tmp_path: Path) -> None:
    write_csv(tmp_path / "evaluation/summary.csv", [{"case": "001", "subject": "001", "dice": 0.5}])
    assert measures(tmp_path) == [{"metric": "dice", "case": "001", "value": 0.5}]


def test_a_mistaken_number_is_one_sentence(pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--num_folds must be at least 2"):
        folds("t_loss", str(pictures), str(tmp_path / "runs"), num_folds=1)
    with pytest.raises(InputError, match="t_los"):
        folds("t_los", str(pictures), str(tmp_path / "runs"))
    with pytest.raises(InputError, match="num_folds: expected 2 to 6, the number of subjects, got 100"):
        folds("t_loss", str(pictures), str(tmp_path / "runs"), num_folds=100)
    with pytest.raises(InputError, match=r"--ckpt_dir: expected none, since python -m common\.folds has the folders"):
        folds("t_loss", str(pictures), str(tmp_path / "runs"), ckpt_dir="models")
    assert not (tmp_path / "runs").exists()


def test_after_a_mistake_no_other_fold_is_trained(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = []

    def fail(*_: object, fold: int, **__: object) -> None:
        begun.append(fold)
        raise InputError("the disk is full")

    monkeypatch.setattr("common.folds.run_bundle", fail)
    with pytest.raises(InputError, match="the disk is full"):
        folds("t_loss", str(pictures), str(tmp_path / "runs"), num_folds=3)
    assert begun == [0]
    (tmp_path / "runs/fold_2").mkdir(parents=True)
    (tmp_path / "runs/fold_2/finished.json").write_text('{"max_epochs": "3"}', encoding="utf-8")
    with pytest.raises(InputError, match=r"fold_2 holds a fold with other options \(max_epochs, "):
        folds("t_loss", str(pictures), str(tmp_path / "runs"), num_folds=3)
    (tmp_path / "runs/fold_2/finished.json").write_text('{"max', encoding="utf-8")
    with pytest.raises(InputError, match=r"finished\.json cannot be read: .*; remove .*fold_2\."):
        folds("t_loss", str(pictures), str(tmp_path / "runs"), num_folds=3)
    assert begun == [0]


def test_a_signal_ends_what_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `common.folds` does in its main thread, when its trainings run in others."""
    (tmp_path / "python").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    started = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(run_bundle, tmp_path, "training", ["train"], tmp_path / "training.log", 1)
        while not RUNNING:
            time.sleep(0.01)
        stop_runs()
        with pytest.raises(InputError, match=r"training failed, see .*training\.log"):
            run.result()
    assert time.monotonic() - started < 30 and not RUNNING


def test_what_runs_knows_whom_it_ends_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "python").write_text(f'#!/bin/sh\necho "${CALLER}"\n')
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    run_bundle(tmp_path, "training", ["train"], tmp_path / "training.log", 1)
    assert (tmp_path / "training.log").read_text() == f"{os.getpid()}\n"


def test_folds_of_other_cases_are_refused(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """Folds of different deals would measure cases twice, and others never."""
    stopped = {1}

    def run(folder: Path, verb: str, configs: list[Path], log: Path, threads: int, **options: Any) -> None:
        place = Path(options["output_dir"])
        place.mkdir(parents=True, exist_ok=True)
        if verb == "training":
            if options["fold"] in stopped:
                raise InputError("stopped")
            split = split_dataset(read_dataset(pictures), fold=options["fold"], num_folds=options["num_folds"])
            names = {
                name: [item["case"] for item in getattr(split, name)] for name in ("training", "validation", "test")
            }
            (place / "split.json").write_text(json.dumps(names), encoding="utf-8")

    monkeypatch.setattr(common.folds, "run_bundle", run)
    monkeypatch.setattr(common.folds, "segment", lambda *arguments, **options: None)

    def cross() -> list[Path]:
        dataset = read_dataset(pictures)
        return cross_validate([BUNDLES / "t_loss/configs/train.yaml"], pictures, dataset, tmp_path / "runs", 2)

    with pytest.raises(InputError, match="stopped"):
        cross()
    stopped.clear()
    for folder in ("images", "masks"):
        shutil.copy(pictures / folder / "case0.png", pictures / folder / "new.png")
    with pytest.raises(
        InputError, match=r"fold_0 holds a fold of other cases: .* now has new, one of 1 case that differ"
    ):
        cross()
    assert not (tmp_path / "runs/fold_1/split.json").exists()
    for folder in ("images", "masks"):
        (pictures / folder / "new.png").unlink()
    assert len(cross()) == 2
    for folder in ("images", "masks"):
        (pictures / folder / "case0.png").unlink()
    with pytest.raises(
        InputError, match="now lacks case0, one of 1 case that differ; name another folder or remove it"
    ):
        cross()


@pytest.mark.parametrize("name", ["nois", "train", "evaluate"])
def test_what_is_no_overlay_is_named(name: str, tmp_path: Path) -> None:
    data = in_sections(tmp_path / "data", train="abcdef")
    with pytest.raises(InputError, match=rf"overlays: expected one of isic, noise, shenzhen, got {name!r}"):
        folds("t_loss", str(data), str(tmp_path / "runs"), overlays=name)
    assert not (tmp_path / "runs").exists()
