"""Memory of an inference beside the image and what is written: no second copy of a volume, none in float64."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

MEASURE = """
import tempfile

import nibabel as nib
import numpy as np
import torch
from monai.data import MetaTensor
from monai.inferers import SlidingWindowInferer
from monai.transforms import Activationsd

import common.decision.rules
import common.planes
from common.io.checks import image_findings
from common.transforms import (
    AxisSpacingd, CalibratedSoftmaxd, NormalizeSlicesd, ResizeAread, SaveDecisiond, SaveProbabilitiesd,
    SaveSegmentationd,
)
from common.workflow import SlabInferer, SliceBatches


def peak():
    (line,) = (line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def growth(name, run, small, large):
    run(small)  # what is loaded belongs to the start
    open("/proc/self/clear_refs", "w").write("5")  # the peak is what is held now
    start = peak()
    run(large)
    print(name, peak() - start)


torch.set_num_threads(1)
kinds = {
    "slices": dict(inferer=SliceBatches((64, 64)), slice_axis=0,
                   fit=[ResizeAread("image", [-1, 64, 64]), NormalizeSlicesd("image", 0)]),
    "spacing": dict(inferer=SliceBatches((64, 64)), fit=[AxisSpacingd("image", [1.5, 1.5, -1])], percentiles=[1, 99],
                    neighbors=1, orientation="IPL"),
    "volume": dict(inferer=SlidingWindowInferer((32, 32, 32)), fit=[AxisSpacingd("image", [3.0, 3.0, -1])], volume=True,
                   slice_mm=3.0, orientation="LPS"),
}
network = lambda values: values[:, :1]
small, image = (MetaTensor(torch.rand(1, 1, *shape)) for shape in ((64, 64, 8), (256, 256, 256)))
growth("check", image_findings, small, image)
for kind, settings in kinds.items():
    inferer = SlabInferer(activations=[Activationsd("pred", sigmoid=True)], **settings)
    growth(kind, lambda values: inferer(values, network), small, image)
del image

common.planes.CHUNK = common.decision.rules.BLOCK = 1 << 18
with tempfile.TemporaryDirectory() as folder:
    def case(side):
        file, pred = f"{folder}/{side}.nii", torch.full((3, side, side, side), 0.25)
        nib.save(nib.Nifti1Image(np.zeros((side,) * 3, np.uint8), np.eye(4)), file)
        pred[0] = 0.5
        return {"case": "a", "image": MetaTensor(torch.zeros(1, 1), meta={"filename_or_obj": file}), "pred": pred}

    names = ["background", "liver", "tumor"]
    for name, step in {
        "plain": CalibratedSoftmaxd("pred", probabilities=True),
        "tempered": CalibratedSoftmaxd("pred", 2.0, probabilities=True),
        "segmentation": SaveSegmentationd("pred", folder, class_names=names),
        "half": SaveDecisiond("pred", folder, "half", False, names),
        "dice_optimal": SaveDecisiond("pred", folder, "dice_optimal", False, names),
        "entropy": SaveProbabilitiesd("pred", folder, names[1:], False, False),
    }.items():
        growth(name, step, case(16), case(128))
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak is Linux's")
def test_memory() -> None:
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run([sys.executable, "-c", MEASURE], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = {name: float(value) for name, value in (line.split() for line in done.stdout.splitlines())}
    # of an image of 64 MiB the prediction, 64 MiB, and slabs, but no third volume
    assert all(60 < found.pop(kind) < 64 + 56 for kind in ("slices", "spacing", "volume")), f"{found} MiB"
    assert found.pop("check") < 4
    # of three maps of 8 MiB: masks of 2 MiB each, and what is made of a few planes
    assert found.pop("plain") < 2 and 24 <= found.pop("tempered") < 24 + 4
    assert found.pop("segmentation") < 2 + 4 and 8 <= found.pop("entropy") < 8 + 2 + 4
    assert found.pop("half") < 3 * 2 + 6 and found.pop("dice_optimal") < 3 * 2 + 6
    assert not found
