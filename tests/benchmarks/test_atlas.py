"""The atlas: errors of the size that they say, trainings that differ in the method alone, summaries of known runs."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

from benchmarks.atlas import __main__ as commands
from benchmarks.atlas.__main__ import rates, runs
from benchmarks.atlas.data_sets import DATA_SETS, Case, DataSet, Task, prepare_task
from benchmarks.atlas.label_errors import BETA, ERRORS, noisy_labels
from benchmarks.atlas.measures import measure
from benchmarks.atlas.methods import METHODS, SEVERAL, SINGLE, TARGETS, AnnotatorTLoss, methods_for
from benchmarks.atlas.pages import show, write_pages
from benchmarks.atlas.results import summarize
from benchmarks.atlas.training import Trainer
from common.datasets import Split, read_dataset
from common.datasets.plan import example_plan
from common.errors import InputError
from common.losses import TLoss
from common.noise import relative_change
from common.phantoms import write_chest_phantom

REPOSITORY = Path(__file__).parents[2]
SMALL = DataSet((4, 2, 2), {"image_size": (16, 16)}, (4, 8), 2, 2, 3, ("none", "three_annotators"))


def disc(name: str, classes: int = 1) -> Case:
    """A disc on 32 pixels, of two classes its halves."""
    rows, columns = np.mgrid[:32, :32] - 15.5
    mask = (rows**2 + columns**2 < 100) * np.where(columns < 0, 1, classes)
    label = torch.from_numpy(mask)[None]
    return Case(name, (label[:, None] > 0).float(), label, sides=(1.0, 1.0))


@pytest.fixture(scope="module")
def task() -> Task:
    cases = [disc(f"case_{number}") for number in range(4)]
    plan = replace(example_plan(), channels=1, image_size=(32, 32), patch_size=(32, 32))
    return Task(plan, {"training": cases, "validation": cases[:1], "test": cases[:2]})


@pytest.mark.parametrize(("error", "share"), [("morphology_0.3", 0.3), ("morphology_0.7", 0.7), ("missing", 0.3)])
def test_a_share_of_the_cases_has_an_error(error: str, share: float) -> None:
    """Of 300 cases, within four standard deviations."""
    cases = [disc(f"case_{number}", 2) for number in range(300)]
    changed = np.mean([not torch.equal(noisy_labels(case, error, 0)[0], case.label) for case in cases])
    assert changed == pytest.approx(share, abs=4 * (share * (1 - share) / 300) ** 0.5)


def test_classes_are_exchanged_and_no_border_moves() -> None:
    cases = [disc(f"case_{number}", 2) for number in range(300)]
    noisy = [noisy_labels(case, "exchanged", 0)[0] for case in cases]
    changed = [label for case, label in zip(cases, noisy, strict=True) if not torch.equal(label, case.label)]
    assert 3 <= len(changed) <= 30
    assert all(torch.equal(label, torch.where(cases[0].label > 0, 3 - cases[0].label, 0)) for label in changed)


def test_three_annotators_draw_too_large_too_small_and_right() -> None:
    case = disc("a")
    large, small, good = noisy_labels(case, "three_annotators", 0)
    assert relative_change(large, case.label) == pytest.approx(BETA, abs=0.2)
    assert relative_change(small, case.label) == pytest.approx(BETA, abs=0.2)
    assert small.sum() < good.sum() < large.sum()
    assert torch.equal(good, case.label)


@pytest.mark.parametrize("error", ERRORS)
def test_errors_are_a_function_of_case_and_seed(error: str) -> None:
    first, again = (noisy_labels(disc("a", 2), error, 1) for _ in range(2))
    assert torch.equal(first, again)
    assert set(first.unique().tolist()) <= {0, 1, 2}


def test_real_annotators_need_labels() -> None:
    with pytest.raises(InputError, match="several annotators, got one"):
        noisy_labels(disc("a"), "real_annotators", 0)


def test_slices_lie_as_far_apart_as_in_the_file(tmp_path: Path) -> None:
    for number in range(2):
        for folder, values in (
            ("images", np.random.default_rng(number).random((9, 9, 4))),
            ("labels", np.ones((9, 9, 4))),
        ):
            path = tmp_path / folder / f"case_{number}.nii.gz"
            path.parent.mkdir(exist_ok=True)
            nib.save(nib.Nifti1Image(values.astype(np.float32), np.diag([2.0, 2.0, 7.0, 1.0])), path)
    plan = {"spatial_dims": 2, "spacing": (3.0, 3.0, -1.0), "patch_size": (8, 8), "crop": "center"}
    settings = DataSet(None, plan, (4, 8), 2, 1, 1, ("none",))
    dataset = read_dataset(str(tmp_path))
    (case, _) = prepare_task(settings, dataset, Split(training=list(dataset.items))).sections["training"]
    assert case.images.shape == (4, 1, 8, 8) and case.sides == pytest.approx((3.0, 3.0, 7.0))


def test_targets_of_nested_annotators() -> None:
    """Of too large, too small and right, majority and STAPLE give the right one; shares are thirds."""
    case = disc("a")
    labels = noisy_labels(case, "three_annotators", 0)
    assert torch.equal(TARGETS["majority"](labels, 2)[:, 0], case.label)
    assert TARGETS["shares"](labels, 2).sum(1).unique().tolist() == pytest.approx([1.0])
    assert torch.equal(TARGETS["shares"](labels, 2)[:, 1], labels.float().mean(0))
    assert TARGETS["annotators"](labels, 2).shape == (1, 3, 32, 32)


def test_t_loss_of_annotators_is_that_of_what_they_are_expected_to_write() -> None:
    generator = torch.Generator().manual_seed(0)
    log_probs = torch.randn(2, 3, 4, 4, generator=generator, dtype=torch.float64).log_softmax(1)
    confusion = torch.randn(2, 2, 3, 3, 4, 4, generator=generator, dtype=torch.float64).softmax(2)
    labels = torch.randint(0, 3, (2, 2, 4, 4), generator=generator)
    written = torch.einsum("brijxy,bjxy->brixy", confusion, log_probs.exp())
    terms = [TLoss(to_onehot_y=True)(written[b, r][None], labels[b, r][None, None]) for b in (0, 1) for r in (0, 1)]
    trace = confusion.diagonal(dim1=2, dim2=3).sum(-1).mean((2, 3)).sum(1).mean()
    loss = AnnotatorTLoss(trace_weight=0.2)
    expected = sum(terms) / 2 / 16 + 0.2 * trace
    torch.testing.assert_close(loss(log_probs, confusion.log(), labels), expected.detach(), check_dtype=False)
    loss.warming_up = True
    expected = sum(terms) / 2 / 16 - trace
    torch.testing.assert_close(loss(log_probs, confusion.log(), labels), expected.detach(), check_dtype=False)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_trains_and_gives_probabilities(task: Task, name: str) -> None:
    error = "three_annotators" if name in SEVERAL else "none"
    labels = [noisy_labels(case, error, 0) for case in task.sections["training"]]
    trained = Trainer(task, SMALL, labels, seed=0).train(METHODS[name], 1e-2)
    found = trained.probabilities(task.sections["test"][0].images)
    torch.testing.assert_close(found.sum(1), torch.ones(1, 32, 32))
    row = measure(trained, task, "test", METHODS[name].decisions)
    assert list(row) == list(METHODS[name].decisions)
    assert all(len(values) == 2 for measures in row.values() for values in measures.values())


def test_methods_start_alike_and_repeat(task: Task) -> None:
    labels = [noisy_labels(case, "none", 0) for case in task.sections["training"]]
    idle = replace(SMALL, steps=0)
    image = task.sections["test"][0].images
    trainer = Trainer(task, idle, labels, 0)
    first, second = (trainer.train(METHODS[name], 1e-2) for name in ("cross_entropy", "t_loss"))
    assert torch.equal(first.probabilities(image), second.probabilities(image))
    trainers = Trainer(task, SMALL, labels, 0), Trainer(task, SMALL, labels, 0)
    trainers[1].train(METHODS["t_loss"], 1e-2)  # what was trained before does not matter
    first, second = (trainer.train(METHODS["cross_entropy"], 1e-2) for trainer in trainers)
    torch.testing.assert_close(first.probabilities(image), second.probabilities(image))


def test_measures_of_a_perfect_network(task: Task) -> None:
    class Perfect:
        def probabilities(self, images: torch.Tensor) -> torch.Tensor:
            return torch.cat([1 - images, images], 1)

    found = measure(Perfect(), task, "test", ("half",))["half"]  # type: ignore[arg-type]
    assert found["dice"] == found["expected_dice"] == [1.0, 1.0]
    assert found["hausdorff_95"] == found["ece"] == [0.0, 0.0]


@pytest.fixture
def write_runs(tmp_path: Path) -> Callable[..., Path]:
    """Finished runs in which soft Dice is 0.1 better than cross-entropy in every case, and all others are equal."""

    def write(error: str) -> Path:
        generator = np.random.default_rng(0)
        for seed in (0, 1):
            plain = generator.uniform(0.5, 0.8, 12)
            for name, method in SINGLE.items():
                dice = plain + 0.1 * (name == "soft_dice")
                measures = {key: [0.25] * 12 for key in ("hausdorff_95", "expected_dice", "ece", "tace")}
                record = {"learning_rate": 0.01, "seconds": 4.0 if name == "bwcr" else 2.0, "steps": 1}
                record |= {"cases": [str(case) for case in range(12)]}
                record["measures"] = {rule: {"dice": dice.tolist(), **measures} for rule in method.decisions}
                path = tmp_path / "shenzhen/runs" / error / name / f"{seed}.json"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps(record))
        return tmp_path / "shenzhen"

    return write


def test_summary_of_known_runs(write_runs: Callable[..., Path]) -> None:
    write_runs("none")
    summary = summarize({"shenzhen": write_runs("missing")})
    rows = {entry["row"]: entry for entry in summary["cells"][0]["rows"]}
    better, equal = rows["Soft Dice"], rows["T-Loss"]
    assert better["difference"] == pytest.approx(0.1) and better["interval"] == pytest.approx([0.1, 0.1])
    assert better["p"] == pytest.approx(2 / 2**12) and better["p_holm"] == pytest.approx(10 * 2 / 2**12)
    assert equal["difference"] == 0 and equal["p_holm"] == 1
    assert rows["BWCR"]["cost"] == 2 and "p" not in rows["CE"]
    ranks = summary["ranks"]["one annotator"]
    assert ranks["blocks"] == 2 and ranks["mean_ranks"]["Soft Dice"] == 1
    assert ranks["mean_ranks"]["CE"] == ranks["mean_ranks"]["GCE"] == 6.5


def test_pages_are_written_and_then_current(write_runs: Callable[..., Path], tmp_path: Path) -> None:
    root, output = tmp_path / "root", tmp_path / "atlas.json"
    for name in ("atlas", "choosing"):
        (root / "docs").mkdir(parents=True, exist_ok=True)
        (root / f"docs/{name}.md").write_text(f"<!-- results:{name} -->\n<!-- /results:{name} -->\n")
    write_pages(summarize({"shenzhen": write_runs("none")}), output, root)
    assert "| Soft Dice |" in (root / "docs/atlas.md").read_text() and "▲" in (root / "docs/atlas.md").read_text()
    assert output.with_suffix(".png").stat().st_size < 300_000
    assert show(output, root, check=True)


def test_other_test_cases_are_refused(write_runs: Callable[..., Path]) -> None:
    path = write_runs("none") / "runs/none/gce/1.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"cases": record["cases"][::-1]}))
    with pytest.raises(InputError, match="same test cases"):
        summarize({"shenzhen": path.parents[3]})


def test_commands_on_a_folder_that_was_never_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is finished is not done again."""
    some = {name: METHODS[name] for name in ("cross_entropy", "annotators")}
    monkeypatch.setitem(DATA_SETS, "shenzhen", SMALL)
    monkeypatch.setattr(commands, "METHODS", some)
    monkeypatch.setattr(
        commands, "methods_for", lambda error: {name: some[name] for name in some.keys() & methods_for(error).keys()}
    )
    data, folder = str(write_chest_phantom(tmp_path / "data", size=16, num_cases=8)), str(tmp_path / "runs")
    for _ in range(2):
        rates("shenzhen", data, folder, steps=1)
        runs("shenzhen", data, folder, seed=0, steps=1)
    found = list((tmp_path / "runs/runs").rglob("*.json"))
    assert sorted(str(path.relative_to(tmp_path / "runs/runs")) for path in found) == [
        "none/cross_entropy/0.json",
        "three_annotators/annotators/0.json",
    ]
    before = {path: path.stat().st_mtime_ns for path in found}
    runs("shenzhen", data, folder, seed=0, steps=1)
    assert before == {path: path.stat().st_mtime_ns for path in found}


@pytest.mark.skipif(not (REPOSITORY / "docs/results/atlas.json").is_file(), reason="the atlas was not run")
def test_the_pages_show_the_results() -> None:
    assert show(REPOSITORY / "docs/results/atlas.json", REPOSITORY, check=True)
