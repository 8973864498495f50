#!/usr/bin/env bash
# monai.bundle.load returns a network whose last layer is random, where the weights are of another number of classes.
#
# Versions: MONAI 1.6.1, PyTorch 2.13.0, pytorch-ignite 0.5.4.
# Behavior: of the file's tensors, those whose name and shape fit are copied; the others are left out, and the network
#     keeps what it was initialized with. One line at level INFO says "updated: 80 of 82 variables", and not which two
#     are missing: no exception, no warning. Two calls return networks that answer differently.
# Expected: the error of load_state_dict, "size mismatch", which names the layer.
# Seen: a bundle whose configuration says two classes and whose weights were trained for three: all tensors but the last
#     layer's are the file's, and the same image gives different outputs in two calls.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile torch==2.13.0 numpy==2.4.6 monai==1.6.1 pytorch-ignite==0.5.4
cd "$work"
"$work/venv/bin/python" - > messages 2>&1 <<'PY'
import json
import sys
from importlib.metadata import version
from pathlib import Path

import torch
from monai.bundle import load
from monai.networks.nets import BasicUNet

print({name: version(name) for name in ("monai", "torch", "pytorch-ignite")})
options = {"spatial_dims": 2, "in_channels": 1, "features": [4, 4, 4, 4, 4, 4]}
for folder in ("lungs/configs", "lungs/models"):
    Path(folder).mkdir(parents=True)
network = {"_target_": "BasicUNet", "out_channels": 2, **options}
Path("lungs/configs/inference.json").write_text(json.dumps({"network_def": network}))
Path("lungs/configs/metadata.json").write_text(json.dumps({"version": "0.1.0"}))
trained = BasicUNet(out_channels=3, **options).state_dict()
torch.save(trained, "lungs/models/model.pt")
first, second = (load("lungs", bundle_dir=".", workflow_type="inference", device="cpu").eval() for _ in range(2))
other = [name for name, tensor in first.state_dict().items() if not torch.equal(tensor, trained[name])]
image = torch.rand(1, 1, 32, 32)
print("loaded without an exception; tensors that are not the file's:", other)
print("two calls answer alike:", bool(torch.equal(first(image), second(image))))
if other != ["final_conv.weight", "final_conv.bias"] or torch.equal(first(image), second(image)):
    sys.exit("The behavior has changed: mismatching weights are refused, or all are taken.")
PY
cat messages
if grep "updated" messages | grep -q final_conv; then
  echo "The behavior has changed: the layer that was left out is named."
  exit 1
fi
