"""Training throughput of a bundle against a bare PyTorch loop with the same network, batches and cached data.

python benchmarks/speed_training.py [--bundle t_loss] [--rounds 15] [--device cpu] [--overrides "{'batch_size': 16}"]

Prints JSON: images per second of both and the median ratio bundle / bare. Epochs of the two take turns in one run.
The bundle keeps its augmentation, memorization curve, table and checkpoints; validation is left out of both. Required
on the CPU: at least 0.9.
"""

from __future__ import annotations

import copy
import json
import logging
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import fire
import torch
from monai.bundle import ConfigWorkflow


def main(
    bundle: str = "t_loss", rounds: int = 15, device: str = "cpu", overrides: dict[str, Any] | None = None
) -> None:
    torch.set_num_threads(1)
    root = Path(__file__).parents[1] / "bundles" / bundle
    with tempfile.TemporaryDirectory() as folder:
        workflow = ConfigWorkflow(
            config_file=str(root / "configs/train.yaml"),
            workflow_type="train",
            logging_file=False,
            bundle_root=str(root),
            output_dir=folder,
            ckpt_dir=folder,
            device=device,
            val_interval=1_000_000,
            **(overrides or {}),
        )
        workflow.initialize()
        logging.disable(logging.INFO)
        trainer, loader = workflow.trainer, workflow.parser.get_parsed_content("train#dataloader")
        network = copy.deepcopy(trainer.network)
        loss = torch.nn.BCEWithLogitsLoss()
        optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
        batches = [(batch["image"].to(device), batch["label"].to(device)) for batch in loader]
        images = sum(len(image) for image, _ in batches)
        scaler = torch.amp.GradScaler("cuda", enabled=trainer.amp)

        def bundle_epoch() -> None:
            trainer.state.max_epochs = trainer.state.epoch + 1
            trainer.run()

        def bare_epoch() -> None:
            network.train()
            for image, label in batches:
                optimizer.zero_grad()
                with torch.autocast("cuda", enabled=trainer.amp):
                    value = loss(network(image), label)
                scaler.scale(value).backward()
                scaler.step(optimizer)
                scaler.update()

        def seconds(epoch: Any) -> float:
            start = time.perf_counter()
            epoch()
            if device.startswith("cuda"):
                torch.cuda.synchronize()
            return time.perf_counter() - start

        for epoch in (bundle_epoch, bare_epoch):
            epoch()
        times = [(seconds(bundle_epoch), seconds(bare_epoch)) for _ in range(rounds)]
    ours, bare = (statistics.median(column) for column in zip(*times, strict=True))
    print(
        json.dumps(
            {
                "bundle": bundle,
                "device": device,
                "rounds": rounds,
                "bundle_images_per_second": round(images / ours, 1),
                "bare_images_per_second": round(images / bare, 1),
                "throughput_ratio": round(statistics.median(b / a for a, b in times), 3),
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    fire.Fire(main)
