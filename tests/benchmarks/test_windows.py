"""The table of inference through windows, of a network that is not trained and takes no time."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from monai.bundle import ConfigParser
from PIL import Image

from benchmarks import windows


def test_windows_and_whole_slices(tmp_path: Path) -> None:
    """Of two cases; a training's weights, plan and split are all it needs."""
    run, data, document = tmp_path / "run", tmp_path / "data", tmp_path / "page.md"
    for folder in (run, data / "images", data / "labels"):
        folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for case in ("a", "b"):
        label = np.zeros((40, 40), np.uint8)
        label[8:30, 10:24] = 255
        Image.fromarray(label).save(data / f"labels/{case}.png")
        Image.fromarray((label // 2 + rng.integers(0, 90, label.shape)).astype(np.uint8)).save(
            data / f"images/{case}.png"
        )
    parser = ConfigParser()
    parser.read_config(windows.REPOSITORY / "bundles/marginal_thresholding/configs/inference.yaml")
    plan = parser["plan#untrained"]
    plan |= {"spatial_dims": 2, "image_dims": 2, "orientation": None, "spacing": None, "image_size": [40, 40]}
    plan |= {"patch_size": [16, 16], "features": [4, 8]}
    torch.manual_seed(0)
    torch.save(parser.get_parsed_content("network_def").state_dict(), run / "model.pt")
    (run / "plan.json").write_text(parser.get_parsed_content("plan").to_json(), encoding="utf-8")
    (run / "split.json").write_text(
        json.dumps({"training": [], "validation": [], "test": ["a", "b"]}), encoding="utf-8"
    )
    document.write_text("<!-- results:windows -->\n<!-- /results:windows -->\n", encoding="utf-8")
    output = tmp_path / "windows.json"
    windows.main(
        "marginal_thresholding", str(run), str(data), "tiny", 2, (0.5, 0.0), output=str(output), document=str(document)
    )
    found = json.loads(output.read_text(encoding="utf-8"))["tiny"]
    assert found["cases"] == 2 and list(found["by"]) == ["0.5", "0.0", "bfloat16", "whole"]
    assert found["by"]["0.5"]["change"] == 0 and all(0 <= row["dice"][0] <= 1 for row in found["by"].values())
    rows = [line for line in document.read_text(encoding="utf-8").splitlines() if line.startswith("| tiny, 16 × 16 |")]
    assert [row.split("|")[2].strip() for row in rows] == [
        "windows, overlap 0.5",
        "windows, overlap 0.0",
        "windows, overlap 0.5, bfloat16",
        "all at once",
    ]
