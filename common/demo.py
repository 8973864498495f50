"""`make demo`: train a method and its baseline on the generated phantom, evaluate, segment new images, report.

What is trained stands in the bundle's ``configs/demo.yaml``; every step is one `python -m monai.bundle run`.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Annotated

import yaml

from common.command import POSITIONAL, available_cores, run_command, threads_of_each
from common.io.files import check_writable, read_csv
from common.report import (
    draw_confusion_matrices,
    draw_memorisation,
    draw_nu_path,
    draw_overlay,
    draw_reliability,
    read_confusion,
    write_page,
)
from common.run_bundle import POLLED, run_bundle, stage_of, stop_runs
from common.workflow.overrides import choose

ANNOTATORS = (
    "A column is what the network takes for the truth, a row what the annotator writes there: good ones have ones on "
    "the diagonal."
)
RELIABILITY = (
    "Below the diagonal a network is too sure, above it too cautious: of the voxels to which it gives a structure with "
    "a probability of 0.8, 80 % should have it."
)
BUNDLES = Path(__file__).parents[1] / "bundles"


def demo(
    bundle: Annotated[str, POSITIONAL] = "t_loss", output: str = "demo", bundles_dir: str | Path = BUNDLES
) -> None:
    """Trains a method and its baseline on a phantom, evaluates both, segments new images and writes a report.

    It takes a few minutes, needs no data, and writes ``report.html`` and the runs into a folder of the bundle's name.

    Args:
        bundle: name of the method, a folder of ``bundles/``.
        output: folder of the runs and the report.
        bundles_dir: folder of the bundles; by default the repository's.

    Raises:
        InputError: there is no such bundle, or a run of it failed.

    Example:
        The default, and another method:

            python -m common.demo
            python -m common.demo bwcr --output /tmp/demo
    """
    start = time.monotonic()
    available = {path.parents[1].name: path.parents[1] for path in Path(bundles_dir).glob("*/configs/demo.yaml")}
    source: Path = choose(bundle, available, kind="bundle").resolve()
    folder = (Path(output) / bundle).resolve()
    check_writable("output", folder)
    plan = yaml.safe_load((source / "configs/demo.yaml").read_text(encoding="utf-8"))["demo"]
    phantom = source / plan.get("phantom", "phantom")
    configs = ["train", *plan.get("overlays", []), "demo"]
    runs = {label: folder / label for label in plan["methods"]}
    method, baseline = plan["methods"]
    share, all_cores = threads_of_each(len(runs)), threads_of_each(1)

    def train_and_evaluate(label: str) -> None:
        places = {"output_dir": runs[label], "ckpt_dir": runs[label], **plan["methods"][label]}
        log = runs[label] / "training.log"
        run_bundle(source, "training", configs, log, share, **places, overwrite=True)
        log = runs[label] / "evaluating.log"
        run_bundle(source, "evaluating", [*configs, "evaluate"], log, share, **places)

    def mean_of(label: str, column: str) -> float:
        rows = read_csv(runs[label] / plan["score_file"])
        return sum(float(row[column]) for row in rows) / len(rows)

    print(f"Training {method} and {baseline} on the same labels ({source.name}, generated phantom) ...", flush=True)
    with ThreadPoolExecutor(min(available_cores(), len(runs))) as pool:
        futures = {label: pool.submit(train_and_evaluate, label) for label in runs}
        before = ""
        try:
            while wait(futures.values(), timeout=POLLED).not_done:
                stages = ", ".join(f"{label}: {stage_of(runs[label])}" for label in runs)
                if stages != before:
                    print(stages, flush=True)
                before = stages
            for future in futures.values():
                future.result()
        except BaseException:  # a signal, or an error of one of both
            pool.shutdown(wait=False, cancel_futures=True)
            stop_runs()
            raise
    columns = {label: (label, column) for label, column in plan["score_columns"].items()} | plan.get("more_scores", {})
    scores = {shown: mean_of(*place) for shown, place in columns.items()}

    figures = []
    for name in plan["new_data"]:
        target = folder / "inference" / name
        places = {"dataset_dir": phantom / name, "output_dir": target, "ckpt_dir": runs[method]}
        run_bundle(source, "inferring", ["inference"], target / "inferring.log", all_cores, **places)
        case = read_csv(target / "summary.csv")[0]["case"]
        image = next(path for path in sorted((phantom / name).iterdir()) if path.name.split(".")[0] == case)
        mask = next(target.glob(f"{case}_mask.*"))
        figures.append(draw_overlay(image, mask, folder / f"{name}.png"))

    sections: list[tuple] = [("Result", [("", plan["score"]), *((k, f"{v:.3f}") for k, v in scores.items())], [])]
    if note := plan.get("note", ""):
        sections += [("What it shows", note, [])]
    if (runs[method] / "memorisation.csv").is_file():
        sections += [("What each network memorizes", "", [draw_memorisation(runs, folder / "memorisation.png")])]
    if "nu_tilde" in read_csv(runs[method] / "metrics.csv")[0]:
        sections += [("The learned tolerance", "", [draw_nu_path({method: runs[method]}, folder / "nu_tilde.png")])]
    if (learned := runs[method] / "evaluation/confusion.csv").is_file():
        matrices, classes = read_confusion(learned)
        figure = draw_confusion_matrices(matrices, folder / "annotators.png", classes=classes)
        sections += [("What it has learned of each annotator", ANNOTATORS, [figure])]
    if (runs[method] / "evaluation/reliability.csv").is_file():
        evaluations = {label: [run / "evaluation"] for label, run in runs.items()}
        figure = draw_reliability(evaluations, folder / "reliability.png")
        sections += [("How often its probabilities come true", RELIABILITY, [figure])]
    if (runs[method] / "evaluation/examples.png").is_file():
        sections += [("Training examples", "", [runs[method] / "evaluation/examples.png"])]
    seconds = time.monotonic() - start
    write_page(folder / "report.html", plan["title"], [*sections, ("New images and volumes", "", figures)])
    print(f"Report: {folder / 'report.html'}")
    for label, value in scores.items():
        print(f"{plan['score']}, {label}: {value:.3f}")
    if note:
        print(note)
    print(f"Time: {seconds:.0f} s")


if __name__ == "__main__":
    run_command(demo)
