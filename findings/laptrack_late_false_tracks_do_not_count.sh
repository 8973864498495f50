#!/usr/bin/env bash
# laptrack counts no false track that begins after the last true one has ended: precision 1 instead of 0.33.
#
# Versions: laptrack 0.17.1, networkx 3.6.1, pandas 2.3.3, NumPy 2.2.6.
# Behavior: calc_scores takes the frames from 0 to the last one in which a true edge begins. Predicted edges of later
#     frames are left out of all scores, tracks that go on after their cell has left the image as well.
# Expected: "If None, all the frames are included."
# Seen: two cells in frames 0 to 4, tracked perfectly, and a false track from frame 4 to 20: Jaccard index, precision and
#     track purity of 1. With the frames named, 0 to 29, all three are 0.33.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.2.6 scipy==1.17.1 pandas==2.3.3 networkx==3.6.1 scikit-learn==1.9.1 laptrack==0.17.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

from laptrack.scores import calc_scores

print({name: version(name) for name in ("laptrack", "networkx", "pandas", "numpy")})
true = [((frame, cell), (frame + 1, cell)) for frame in range(4) for cell in range(2)]
late = [((frame, 9), (frame + 1, 9)) for frame in range(4, 20)]
long = true + [((frame, 0), (frame + 1, 0)) for frame in range(4, 8)]
seen = {}
for name, predicted, frames in (
    ("perfect", true, None),
    ("a false track afterwards", true + late, None),
    ("a false track afterwards, frames named", true + late, list(range(30))),
    ("a track that goes on for four frames", long, None),
):
    scores = calc_scores(true, predicted, include_frames=frames)
    seen[name] = [round(float(scores[score]), 2) for score in ("Jaccard_index", "precision", "track_purity")]
    print("{}: Jaccard index {}, precision {}, track purity {}".format(name, *seen[name]))
if list(seen.values()) != [[1.0] * 3, [1.0] * 3, [0.33] * 3, [1.0] * 3]:
    sys.exit("The behavior has changed: the scores are others.")
PY
