#!/usr/bin/env bash
# MONAI's CutMixd without label_keys, its default, changes nothing; with them it mixes as many images as labels.
#
# Versions: MONAI 1.6.1, PyTorch 2.13.0, NumPy 2.4.6.
# Behavior: keys are walked through in pairs with label_keys and only as far as both go. Without label_keys there is no
#     pair: the batch comes back as it was, without a word, whatever the keys. With two images of a patient and one
#     label key the first image and the label are mixed, and the second image, which the network sees together with the
#     first, is not.
# Expected: all keys are mixed with the same rectangle, as label_keys is optional and MixUpd and CutOutd go through all
#     their keys; or an exception about the differing numbers.
# Seen: a hundred batches of four. keys ["image"] or ["image", "label"]: none changed. keys ["image"], label_keys
#     ["label"]: both changed in 96 (in the others nothing was drawn that differs). keys ["t1", "t2"], label_keys
#     ["label"]: t1 and label changed in 96, t2 in none. MixUpd of two keys: both changed in 100.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile torch==2.13.0 numpy==2.4.6 monai==1.6.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import torch
from monai.transforms import CutMixd, MixUpd

print({name: version(name) for name in ("monai", "torch", "numpy")})
BATCHES, CASES = 100, 4


def changed(transform, keys):
    """In how many batches each of the keys was changed."""
    transform.set_random_state(0)
    counts = dict.fromkeys(keys, 0)
    for number in range(BATCHES):
        drawn = torch.Generator().manual_seed(number)
        batch = {key: torch.rand(CASES, 1, 16, 16, generator=drawn) for key in keys}
        mixed = transform(batch)
        for key in keys:
            counts[key] += not torch.equal(mixed[key], batch[key])
    return list(counts.values())


seen = {}
for keys, label_keys in (
    (("image",), None),
    (("image", "label"), None),
    (("image",), ("label",)),
    (("t1", "t2"), ("label",)),
):
    everything = tuple(dict.fromkeys(keys + (label_keys or ())))
    seen[keys, label_keys] = changed(CutMixd(keys, CASES, label_keys), everything)
    print(f"CutMixd, keys {keys}, label_keys {label_keys}: changed {dict(zip(everything, seen[keys, label_keys]))}")
by_mixup = changed(MixUpd(("image", "label"), CASES), ("image", "label"))
print("MixUpd, keys ('image', 'label'): changed", by_mixup)
as_described = list(seen.values()) == [[0], [0, 0], [96, 96], [96, 0, 96]] and by_mixup == [100, 100]
sys.exit(0 if as_described else "The behavior has changed.")
PY
