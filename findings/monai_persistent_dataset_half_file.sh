#!/usr/bin/env bash
# A run that is killed while MONAI's PersistentDataset fills its cache can leave a file that ends every later run.
#
# Versions: MONAI 1.6.1, PyTorch 2.13.0, NumPy 2.4.6, Linux.
# Behavior: a result is written into the system's folder for temporary files and then moved into cache_dir. If the two
#     are on different file systems, as on most clusters, moving is copying under the final name: a process that is
#     killed meanwhile leaves a part of the file, and another process that shares the cache may read it. Reading a part
#     raises RuntimeError ("failed finding central directory"), every time: it is neither deleted nor made again.
# Expected: the file is whole or absent, as the comment "nearly atomic rename" in the source says; or else it is found
#     damaged, deleted and made again with the warning "Corrupt cache file detected", which the source has for this.
# Seen: as soon as the file has appeared the process is killed; it holds some megabytes of 1,600. A new data set on the
#     same folder raises RuntimeError at its first and at its second reading.
set -euo pipefail

if [ ! -d /dev/shm ] || [ "$(stat -c %d /dev/shm)" = "$(stat -c %d "${TMPDIR:-/tmp}")" ]; then
  echo "This needs a second file system, /dev/shm, with 2 GB of memory."
  exit 1
fi
work=$(mktemp -d)
temporary=$(mktemp -d -p /dev/shm)
trap 'rm -rf "$work" "$temporary"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile torch==2.13.0 numpy==2.4.6 monai==1.6.1
cat > "$work/cases.py" <<'PY'
import sys

import torch
from monai.data import PersistentDataset
from monai.transforms import Lambda

size = int(sys.argv[2])
PersistentDataset([{"case": "a"}], Lambda(lambda item: {"image": torch.zeros(size)}), sys.argv[1])[0]
print("read")
PY
cat > "$work/kill.py" <<'PY'
import os
import subprocess
import sys
import time
from pathlib import Path

cache, temporary, big = Path(sys.argv[1]), sys.argv[2], "400000000"  # 1.6 GB
process = subprocess.Popen([sys.executable, "cases.py", cache, big], env=os.environ | {"TMPDIR": temporary})
while not list(cache.glob("*.pt")):
    assert process.poll() is None, "the file did not appear"
    time.sleep(0.001)
process.kill()
process.wait()
(file,) = cache.glob("*.pt")
print(f"left behind: {file.stat().st_size / 1e6:.0f} of 1,600 MB")
PY
cd "$work"
venv/bin/python -c 'from importlib.metadata import version as v; print({n: v(n) for n in ("monai", "torch", "numpy")})'
venv/bin/python kill.py cache "$temporary"
for reading in first second; do
  if venv/bin/python cases.py cache 3 > messages 2>&1; then
    echo "The behavior has changed: what a killed process leaves is no longer an error."
    exit 1
  fi
  echo "$reading reading afterwards: $(grep -o 'RuntimeError: .*central directory' messages)"
done
