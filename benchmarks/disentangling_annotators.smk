# Tables 1 to 3 of the paper on disentangling annotators, on digits, a phantom and microscopy with three real annotators.

# Rows: overrides of the bundle's train.yaml. The best epoch is chosen by the validation images' truth, or without one by the likelihood.
VOTE = {"readout": "vote", "select_by": "likelihood", "trace_weight": 0, "warmup_epochs": 0, "confusion_learning_rate": 1e-2}
ANNOTATOR_METHODS = {
    "mean": {"method": "mean"},
    "mean_by_likelihood": {"method": "mean", "select_by": "likelihood"},
    "majority": {"method": "majority"},
    "majority_by_likelihood": {"method": "majority", "select_by": "likelihood"},
    "staple": {"method": "staple"},
    "spatial_staple": {"method": "spatial_staple"},
    "separate": {"method": "separate"},
    "probabilistic_unet": {"method": "probabilistic_unet"},
    "ours_without_trace": {"method": "ours", "trace_weight": 0, "warmup_epochs": 0},
    "ours": {"method": "ours"},
    "ours_vote": {"method": "ours"} | VOTE,
    "oracle": {"method": "oracle"},
}
# Of one label per image all fusions are that label
ANNOTATOR_ROWS = {
    "dense": list(ANNOTATOR_METHODS),
    "one": [name for name in ANNOTATOR_METHODS if name not in ("majority", "majority_by_likelihood", "spatial_staple")],
}
ANNOTATOR_TABLES = {
    # The paper's own sample: 70 digits, annotators good (the truth), over, under, wrong
    "disentangling_annotators_mnist": {
        "data": "mnist_annotators", "overlay": "mnist", "rows": ANNOTATOR_ROWS, "seeds": [0, 1, 2],
        "desk": {"shift": 3}, "paper": {"shift": 3},
    },
    # Five annotators, one of them blank, on the bundle's phantom
    "disentangling_annotators_phantom": {
        "data": None, "overlay": None, "rows": ANNOTATOR_ROWS, "seeds": [0, 1, 2], "desk": {}, "paper": {},
    },
    # The same five on slices of hippocampus MRI
    "disentangling_annotators_hippocampus": {
        "data": "hippocampus", "overlay": "hippocampus", "rows": ANNOTATOR_ROWS, "seeds": [0, 1, 2],
        "desk": {"num_slices": 200}, "paper": {},
    },
    # Three real annotators and no truth
    "disentangling_annotators_oocytes": {
        "data": "oocytes", "overlay": "raters", "rows": {"dense": ["mean", "majority", "separate", "ours", "ours_vote"]}, "seeds": [0, 1, 2],
        "desk": {"image_size": [96, 128], "max_epochs": 20, "select_by": "likelihood", "val_interval": 2},
        "paper": {"select_by": "likelihood"},
    },
}
ANNOTATOR_TABLES = {name: spec | PART for name, spec in ANNOTATOR_TABLES.items()}
ANNOTATOR_RUN = f"{OUTPUT}/{{table}}/{SCALE}/{{labels}}/{{method}}/seed{{seed}}"
ANNOTATOR_PHANTOM = f"{OUTPUT}/disentangling_annotators_phantom/data"


def annotator_overrides(wildcards):
    spec = ANNOTATOR_TABLES[wildcards.table]
    folder = str(ROOT / ANNOTATOR_RUN.format(**wildcards))
    values = {"dataset_dir": data_folder(spec["data"]) if spec["data"] else str(ROOT / ANNOTATOR_PHANTOM)}
    values |= {"seed": wildcards.seed, "output_dir": folder, "ckpt_dir": folder}
    values |= {"labels_per_image": 1} if wildcards.labels == "one" else {}
    return overrides(values | spec[SCALE] | ANNOTATOR_METHODS[wildcards.method])


def annotator_configs(wildcards, *more):
    overlay = ANNOTATOR_TABLES[wildcards.table]["overlay"]
    return shlex.quote(str([f"configs/{name}.yaml" for name in ("train", *([overlay] if overlay else []), *more)]))


rule disentangling_annotators_phantom_data:
    output: touch(f"{ANNOTATOR_PHANTOM}/done")
    shell:
        "{PYTHON} -c 'from common.data import write_lesion_phantom; write_lesion_phantom(\"{ANNOTATOR_PHANTOM}\")'"


rule disentangling_annotators_train:
    input: lambda wildcards: [] if ANNOTATOR_TABLES[wildcards.table]["data"] else f"{ANNOTATOR_PHANTOM}/done"
    output: touch(f"{ANNOTATOR_RUN}/done")
    log: f"{ANNOTATOR_RUN}/train.log"
    params: configs=annotator_configs, values=annotator_overrides
    wildcard_constraints: table="disentangling_annotators_[a-z]+"
    shell:
        "cd bundles/disentangling_annotators && {PYTHON} -m monai.bundle run training"
        " --config_file {params.configs} {params.values} --resume True > {ROOT}/{log} 2>&1"


rule disentangling_annotators_evaluate:
    input: f"{ANNOTATOR_RUN}/done"
    output: f"{ANNOTATOR_RUN}/evaluation/summary.csv"
    log: f"{ANNOTATOR_RUN}/evaluate.log"
    params: configs=lambda wildcards: annotator_configs(wildcards, "evaluate"), values=annotator_overrides
    wildcard_constraints: table="disentangling_annotators_[a-z]+"
    shell:
        "cd bundles/disentangling_annotators && {PYTHON} -m monai.bundle run evaluating"
        " --config_file {params.configs} {params.values} > {ROOT}/{log} 2>&1"


for name, spec in ANNOTATOR_TABLES.items():
    rule:
        name: name
        input:
            [
                expand(ANNOTATOR_RUN + "/evaluation/summary.csv", table=name, labels=labels, method=methods, seed=spec["seeds"])
                for labels, methods in spec["rows"].items()
            ]
        params:
            table=name,
            configuration=shlex.quote(json.dumps(spec[SCALE])),
            data=lambda wildcards, spec=spec: f"--data {shlex.quote(data_folder(spec['data']))}" if spec["data"] == "oocytes" else "",
            show=" ".join(
                f"&& {{PYTHON}} -m common.report table docs/results/{name}_{labels}.json docs/methods/disentangling_annotators.md"
                for labels in spec["rows"]
            ).replace("{PYTHON}", PYTHON) if SCALE == "desk" else "",
        shell:
            "{PYTHON} benchmarks/disentangling_annotators_table.py --table {params.table} --scale {SCALE} --configuration {params.configuration}"
            " --runs_dir {OUTPUT}/{params.table}/{SCALE} --output_dir docs/results {params.data} {params.show}"
