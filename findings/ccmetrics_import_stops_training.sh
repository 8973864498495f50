#!/usr/bin/env bash
# CCMetrics switches off gradients in the whole program when it is imported: nothing can be trained any more.
#
# Versions: ccmetrics 0.0.3, MONAI 1.6.1, PyTorch 2.13.0, SciPy 1.15.3, connected-components-3d 3.29.0.
# Behavior: "Globally disable gradient computation for this entire module" calls torch.set_grad_enabled(False), which
#     holds for the thread and all modules. Training fails with an error of PyTorch that does not name the import;
#     what computes gradients without training, as saliency does, fails as well.
# Expected: a metric of connected components can be imported beside a training, to validate with it.
# Seen: loss.backward() works before the import, and not after it: "element 0 of tensors does not require grad". With
#     torch.set_grad_enabled(True) after the import it works again.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 scipy==1.15.3 torch==2.13.0 monai==1.6.1 \
    connected-components-3d==3.29.0
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps ccmetrics==0.0.3
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import torch

print({name: version(name) for name in ("ccmetrics", "monai", "torch", "scipy", "connected-components-3d")})


def step():
    net = torch.nn.Linear(2, 1)
    try:
        net(torch.ones(4, 2)).mean().backward()
    except RuntimeError as error:
        return str(error).split(" and ")[0]
    return "a gradient" if net.weight.grad is not None else "no gradient"


seen = [step()]
import CCMetrics  # noqa: E402, F401

seen.append(step())
torch.set_grad_enabled(True)
seen.append(step())
for when, what in zip(("before the import", "after it", "after set_grad_enabled(True)"), seen, strict=True):
    print(f"{when}: {what}")
if seen != ["a gradient", "element 0 of tensors does not require grad", "a gradient"]:
    sys.exit("The behavior has changed: gradients are computed otherwise.")
PY
