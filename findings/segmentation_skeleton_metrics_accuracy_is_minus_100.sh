#!/usr/bin/env bash
# segmentation-skeleton-metrics counts edges at a gap as omitted and as split: an edge accuracy of −100 %.
#
# Versions: segmentation-skeleton-metrics 5.9.14, networkx 3.6.1, NumPy 2.2.6, pandas 2.3.3.
# Behavior: whether a node has a label is asked as if labels were numbers, but they are texts, and "0" counts as one. An
#     edge from a segment to a gap is therefore split, too. The accuracy is 100 % less both.
# Expected: an edge is right, omitted, split or merged, as its description says, so that the shares add up to 100 %.
# Seen: a neuron of ten nodes with one label and a gap of two nodes: three of nine edges are omitted, two of them are
#     split as well, and the accuracy is 44 % instead of 67. If every other node is in a gap it is −100 %.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 pandas==2.3.3 scipy==1.15.3 \
    networkx==3.6.1 matplotlib==3.10.8 tqdm==4.67.1 boto3==1.44.8 google-cloud-storage==3.17.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps segmentation-skeleton-metrics==5.9.14
MPLBACKEND=Agg "$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import pandas as pd
from segmentation_skeleton_metrics.datamodules.graph_classes import LabeledGraph
from segmentation_skeleton_metrics.skeleton_metrics import (
    EdgeAccuracyMetric,
    MergedEdgePercentMetric,
    OmitEdgePercentMetric,
    SplitEdgePercentMetric,
)

print({name: version(name) for name in ("segmentation-skeleton-metrics", "networkx", "numpy", "pandas")})
seen = {}
cases = {"a gap": "1111001111", "every other node in a gap": "1010101010", "two segments": "1111122222"}
for name, labels in cases.items():
    graph = LabeledGraph()
    graph.add_edges_from((i, i + 1) for i in range(len(labels) - 1))
    graph.init_node_labels()
    graph.node_label[:] = list(labels)
    table = pd.DataFrame(index=["neuron"])
    for kind in (SplitEdgePercentMetric, OmitEdgePercentMetric, MergedEdgePercentMetric):
        metric = kind(verbose=False)
        table[metric.name] = metric({"neuron": graph})[metric.name]
    accuracy = float(EdgeAccuracyMetric(verbose=False)({"neuron": graph}, table)["Edge Accuracy"].iloc[0])
    right = sum(a == b != "0" for a, b in zip(labels, labels[1:])) / (len(labels) - 1)
    seen[name] = round(accuracy, 1)
    print(f"{name} ({labels}):", table.round(1).iloc[0].to_dict(), f"accuracy {accuracy:.1f}, by counting {right:.1%}")
if seen != {"a gap": 44.4, "every other node in a gap": -100.0, "two segments": 88.9}:
    sys.exit("The behavior has changed: the accuracies are others.")
PY
