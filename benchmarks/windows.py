"""Dice of a trained network's inference through windows of the size of training, of all at once, and in bfloat16.

    python -m benchmarks.windows --bundle marginal_thresholding --run RUN --data DATA [--name hippocampus] [--cases 40]
                                 [--overlaps "[0.5,0.25,0]"] [--ways "['grown','bfloat16','whole']"]
                                 [--output docs/results/windows.json] [--document docs/performance.md]

RUN is the ``ckpt_dir`` of a training, of which the test cases are segmented with each overlap of the windows, with
windows that may be larger than in training (``grown``, of networks with batch normalization), with the first overlap in
bfloat16, and as a whole: slices of a 2-D network, the volume of a 3-D network. Dice against the labels is
measured in the geometry of the files. Differences to the first overlap are given with their standard error over the
cases. What other runs measured stays in the JSON file and the table.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fire
import numpy as np
import torch
from monai.bundle import ConfigWorkflow
from monai.inferers import SimpleInferer

from benchmarks.plan_or_overlay import case_dice
from benchmarks.report.tables import insert_between_markers
from common.datasets import read_dataset
from common.io.files import whole_file
from common.report.tables import markdown_table
from common.workflow import SliceBatches, load_plan

REPOSITORY = Path(__file__).resolve().parents[1]
WHOLE, BFLOAT16, GROWN = "whole", "bfloat16", "grown"
GROWING = ("bwcr",)  # whose inference has --window_growth
NAMES = {
    WHOLE: "all at once",
    BFLOAT16: "windows, overlap 0.5, bfloat16",
    GROWN: "windows up to 1.25 times as large, overlap 0.5",
}


def segment(bundle: str, run: Path, images: Path, folder: Path, way: str, **values: Any) -> float:
    """Segments a datalist's test images with a training; CPU seconds. ``WHOLE`` sees them as a whole."""
    root = REPOSITORY / "bundles" / bundle
    inference = ConfigWorkflow(
        config_file=str(root / "configs/inference.yaml"),
        workflow_type="infer",
        run_id="inferring",
        logging_file=False,
        bundle_root=str(root),
        dataset_dir=str(images),
        ckpt_dir=str(run),
        output_dir=str(folder),
        device=torch.device("cpu"),
        **values,
    )
    inference.initialize()
    slabs = inference.parser.get_parsed_content("evaluator").inferer
    if way == WHOLE and isinstance(slabs.inferer, SliceBatches):
        slabs.inferer.overlap = None
    elif way == WHOLE:
        slabs.inferer = SimpleInferer()
    start = time.process_time()
    inference.run()
    return time.process_time() - start


def measure(
    bundle: str, run: Path, data: str, cases: int, ways: dict[str, dict[str, Any]], **layout: Any
) -> dict[str, Any]:
    """Dice of each class, CPU seconds, and the difference of the mean Dice to the first way with its error."""
    plan, split = load_plan(run), json.loads((run / "split.json").read_text(encoding="utf-8"))
    items = {item["case"]: item for item in read_dataset(data, **layout).items}
    chosen = split["test"][:cases]
    found: dict[str, Any] = {}
    dice: dict[str, np.ndarray] = {}
    with tempfile.TemporaryDirectory() as place:
        images = Path(place, "test.json")
        listed = [{"case": case, "image": str(Path(items[case]["image"]).resolve())} for case in chosen]
        images.write_text(json.dumps({"testing": listed}), encoding="utf-8")
        for name, values in ways.items():
            seconds = segment(bundle, run, images, Path(place, name), name, **values)
            rows = [
                case_dice(next(Path(place, name).glob(f"{case}_mask.*")), items[case]["label"], plan.num_classes - 1)
                for case in chosen
            ]
            dice[name] = np.nanmean(np.array(rows, dtype=float), axis=1)
            change = dice[name] - dice[next(iter(ways))]
            found[name] = {
                "dice": np.nanmean(np.array(rows, dtype=float), axis=0).round(4).tolist(),
                "cpu_seconds": round(seconds, 1),
                "change": round(float(np.nanmean(change)), 4),
                "error": round(float(np.nanstd(change)) / max(int(np.isfinite(change).sum()), 1) ** 0.5, 4),
            }
            print(name, found[name], flush=True)
    return {"cases": len(chosen), "patch_size": list(plan.patch_size), "classes": plan.class_names[1:], "by": found}


def table(results: dict[str, dict[str, Any]]) -> str:
    """Markdown, a row for each training and way."""
    rows = [
        [
            f"{name}, {' × '.join(map(str, of['patch_size']))}",
            NAMES.get(way, f"windows, overlap {way}"),
            ", ".join(f"{value:.3f}" for value in row["dice"]),
            "" if way == next(iter(of["by"])) else f"{row['change']:+.3f} ± {row['error']:.3f}",
            row["cpu_seconds"],
        ]
        for name, of in results.items()
        for way, row in of["by"].items()
    ]
    return markdown_table(["training, windows", "inference", "Dice of the classes", "change", "CPU s"], rows)


def main(
    bundle: str,
    run: str,
    data: str,
    name: str = "",
    cases: int = 40,
    overlaps: Sequence[float] = (0.5, 0.25, 0.0),
    ways: Sequence[str] = (BFLOAT16, WHOLE),
    output: str = "docs/results/windows.json",
    document: str = "docs/performance.md",
    **layout: Any,
) -> None:
    """Measures, writes JSON and puts its table into the document; see the module. ``layout``: of `read_dataset`."""
    path = REPOSITORY / output
    results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    as_trained = {"window_growth": 1} if bundle in GROWING else {}
    chosen = {str(overlap): {"overlap": overlap} | as_trained for overlap in overlaps}
    of_ways = {BFLOAT16: {"overlap": 0.5, "amp": True} | as_trained, GROWN: {"overlap": 0.5, "window_growth": 1.25}}
    chosen |= {way: of_ways.get(way, {}) for way in ways}
    found = measure(bundle, Path(run), data, cases, chosen, **layout)
    known = results.get(name := name or f"{bundle} on {Path(data).name}", {}).get("by", {})
    results[name] = found | {"by": known | found["by"]}
    with whole_file(path) as partial:
        partial.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    insert_between_markers(REPOSITORY / document, "windows", table(results))


if __name__ == "__main__":
    fire.Fire(main)
