# Tables 1 to 6 and figures 3 and 4 of the paper on disentangling annotators, on its own data sets, and on a phantom, MRI and microscopy.

# Rows: overrides of the bundle's train.yaml. The best epoch is chosen by the validation images' truth, or without one by the likelihood.
BY_VOTE = {"readout": "vote", "select_by": "likelihood"}
BY_ESTIMATE = {"method": "confusion_matrices", "readout": "estimate"}  # the paper's
WITHOUT_TRACE, WITHOUT_WARM_UP = {"trace_weight": 0}, {"warmup_epochs": 0}
ANNOTATOR_METHODS = {
    "mean": {"method": "mean"},
    "mean_by_likelihood": {"method": "mean", "select_by": "likelihood"},
    "majority": {"method": "majority"},
    "majority_by_likelihood": {"method": "majority", "select_by": "likelihood"},
    "staple": {"method": "staple"},
    "spatial_staple": {"method": "spatial_staple"},
    "separate": {"method": "separate"},
    "separate_vote": {"method": "separate"} | BY_VOTE,
    "probabilistic_unet": {"method": "probabilistic_unet"},
    "matrices_neither": BY_ESTIMATE | WITHOUT_TRACE | WITHOUT_WARM_UP,
    "matrices_warm_up": BY_ESTIMATE | WITHOUT_TRACE,
    "matrices_trace": BY_ESTIMATE | WITHOUT_WARM_UP,
    "matrices": BY_ESTIMATE,
    "matrices_vote": {"method": "confusion_matrices", "confusion_learning_rate": 1e-2} | BY_VOTE | WITHOUT_TRACE | WITHOUT_WARM_UP,
    "oracle": {"method": "oracle"},
}
# Of one label per image all fusions are that label
ANNOTATOR_ROWS = {
    "dense": list(ANNOTATOR_METHODS),
    "one": [name for name in ANNOTATOR_METHODS if name not in ("majority", "majority_by_likelihood", "spatial_staple")],
}
ANNOTATOR_SAMPLE = f"{OUTPUT}/disentangling_annotators_mnist/data-{runs_of('disentangling_annotators', [], 'mnist_annotators')}"
ANNOTATOR_PHANTOM = f"{OUTPUT}/disentangling_annotators_phantom/data"
ANNOTATOR_FIVE = {name: name for name in ("good", "over", "under", "wrong", "blank")}
# All of MNIST, and LIDC's crops with a ground truth: training, validation and test images of what is written for a table
ANNOTATOR_DIGITS = ({"desk": [960, 240, 200], "paper": [48000, 12000, 10000]} | PART.get("digits", {}))[SCALE]
ANNOTATOR_CROPS = ({"desk": [200, 50, 100], "paper": [5000, 1000, 1000]} | PART.get("crops", {}))[SCALE]
ANNOTATOR_ALL_DIGITS = f"{OUTPUT}/disentangling_annotators_mnist_full/data-{runs_of('disentangling_annotators', [], 'mnist', ANNOTATOR_DIGITS)}"
ANNOTATOR_CONSENSUS = f"{OUTPUT}/disentangling_annotators_lidc/data-{runs_of('disentangling_annotators', [], 'lidc', ANNOTATOR_CROPS)}"
ANNOTATOR_PATCHES = {"desk": [], "paper": ["nicmslesions"]}[SCALE]  # the paper's network for MNIST and MS
ANNOTATOR_BRATS = {"desk": {"counts": [6, 2, 4], "spacing": 2.0, "patch_size": [96, 96], "features": [16, 32, 64], "max_epochs": 10}, "paper": {}}
ANNOTATOR_HEART = {
    "simulated": {"good": "good"} | {habit: {"kind": habit, "target": 3} for habit in ("over", "under", "wrong")},
    "spatial_dims": 2, "slices": "foreground", "crop": "center",
}
ANNOTATOR_RANKS = {
    "matrices": BY_ESTIMATE,
    "matrices_rank": BY_ESTIMATE | {"rank": 1},
    "matrices_rank_identity": BY_ESTIMATE | {"rank": 1, "add_identity": "true"},
}
ANNOTATOR_TABLES = {
    # The authors' sample: 70 digits, annotators good (the truth), over, under, wrong; and blank, whom the paper has and the sample lacks
    "disentangling_annotators_mnist": {
        "data": "mnist_annotators", "folder": ANNOTATOR_SAMPLE, "overlays": ["mnist"], "rows": ANNOTATOR_ROWS, "seeds": [0, 1, 2],
        "desk": {"shift": 3}, "paper": {"shift": 3},
    },
    # The paper's tables 1 to 3: all of MNIST with the same five, and slices of multiple sclerosis
    "disentangling_annotators_mnist_full": {
        "data": "mnist", "folder": ANNOTATOR_ALL_DIGITS, "overlays": ["mnist", *ANNOTATOR_PATCHES], "rows": ANNOTATOR_ROWS, "seeds": [0, 1, 2],
        "desk": {}, "paper": {},
    },
    "disentangling_annotators_ms_lesion": {
        "data": "ms_lesion", "overlays": ["ms_lesion", *ANNOTATOR_PATCHES], "rows": ANNOTATOR_ROWS, "seeds": [0, 1, 2],
        "desk": {
            "truth": "mask1", "simulated": ANNOTATOR_FIVE, "counts": [1, 1, 2], "patch_size": [96, 96], "features": [16, 32, 64],
            "max_epochs": 10, "val_interval": 2,
        },
        "paper": {"truth": "mask1", "simulated": ANNOTATOR_FIVE},
    },
    # Tables 3 to 5: gliomas of four classes with four annotators; lung nodules of four radiologists, whose spatial STAPLE is the truth
    "disentangling_annotators_brats": {
        "data": "brats", "overlays": ["brats"], "rows": ANNOTATOR_ROWS, "seeds": [0, 1, 2],
    } | ANNOTATOR_BRATS,
    "disentangling_annotators_lidc": {
        "data": "lidc", "folder": ANNOTATOR_CONSENSUS, "overlays": ["lidc"], "rows": ANNOTATOR_ROWS, "seeds": [0, 1, 2],
        "desk": {"layout": "datalist", "image_size": [96, 96], "features": [16, 32, 64], "max_epochs": 10},
        "paper": {"layout": "datalist"},
    },
    # Table 6: matrices of low rank, and with s * I, as the authors' code has them
    "disentangling_annotators_rank": {
        "data": "brats", "overlays": ["brats"], "rows": {"dense": list(ANNOTATOR_RANKS)}, "seeds": [0, 1, 2], "values": ANNOTATOR_RANKS,
    } | ANNOTATOR_BRATS,
    # The same on cine MRI of the heart, four classes, of which annotators change the left ventricle
    "disentangling_annotators_rank_heart": {
        "data": "acdc", "overlays": [], "rows": {"dense": list(ANNOTATOR_RANKS)}, "seeds": [0, 1, 2], "values": ANNOTATOR_RANKS,
        "desk": ANNOTATOR_HEART | {
            "counts": [12, 4, 25], "spacing": [3.0, 3.0, -1.0], "patch_size": [64, 64], "features": [16, 32, 64], "max_epochs": 40, "val_interval": 5,
        },
        "paper": ANNOTATOR_HEART | {
            "counts": [60, 15, 25], "spacing": [1.5, 1.5, -1.0], "patch_size": [128, 128], "features": [32, 64, 128, 256], "max_epochs": 60,
        },
    },
    # Five annotators, one of them blank, on the bundle's phantom
    "disentangling_annotators_phantom": {
        "folder": ANNOTATOR_PHANTOM, "overlays": [], "rows": ANNOTATOR_ROWS, "seeds": [0, 1, 2],
        "desk": {}, "paper": {},
    },
    # The same five on slices of hippocampus MRI
    "disentangling_annotators_hippocampus": {
        "data": "hippocampus", "overlays": ["hippocampus"], "rows": ANNOTATOR_ROWS, "seeds": [0, 1, 2],
        "desk": {"counts": [8, 4, 8]}, "paper": {},
    },
    # Three real annotators and no truth
    "disentangling_annotators_oocytes": {
        "data": "oocytes", "overlays": [], "rows": {"dense": ["mean", "majority", "separate", "matrices", "matrices_vote"]}, "seeds": [0, 1, 2],
        "values": ANNOTATOR_METHODS | {  # the paper's settings, read out by the vote
            "matrices": {"method": "confusion_matrices", "trace_weight": 0.1, "warmup_epochs": 5, "confusion_learning_rate": 1e-3},
        },
        "desk": {"image_size": [128, 96], "max_epochs": 20, "select_by": "likelihood", "val_interval": 2},
        "paper": {"select_by": "likelihood"},
    },
}
def annotator_part(spec):
    """A table's specification with what a part says; its rows may be a list, as those of tables without ways of labeling are."""
    known = {*ANNOTATOR_METHODS, *spec.get("values", {})}
    return spec | PART | ({"rows": chosen_rows(spec["rows"], PART.get("rows"), known)} if "rows" in spec else {})


ANNOTATOR_TABLES = {name: annotator_part(spec) for name, spec in ANNOTATOR_TABLES.items()}
# Figure 3: the weight of the trace, on the paper's sample
ANNOTATOR_TRACE = {"labels": "dense", "weights": [0, 0.001, 0.01, 0.1, 0.4, 0.7, 0.9], "seed": 0, "desk": {"shift": 3}, "paper": {"shift": 3}} | PART
ANNOTATOR_METHODS |= {f"matrices_trace_{weight:g}": BY_ESTIMATE | {"trace_weight": weight} for weight in ANNOTATOR_TRACE["weights"]}
ANNOTATOR_TABLES["disentangling_annotators_trace"] = ANNOTATOR_TRACE | {
    "data": "mnist_annotators", "folder": ANNOTATOR_SAMPLE, "overlays": ["mnist", "confusion_error"],
}
# Figure 4: digits of the same sample whose annotators err by shares of what they do there; a good one is among them
ANNOTATOR_NOISE = annotator_part({
    "shares": [0.25, 0.5, 0.75, 1],
    "rows": {"dense": ["mean", "majority", "staple", "matrices", "matrices_vote", "oracle"], "one": ["mean", "matrices", "matrices_vote", "oracle"]},
    "seeds": [0], "desk": {"shift": 3}, "paper": {"shift": 3},
})
ANNOTATOR_SPOILED = f"{OUTPUT}/disentangling_annotators_noise/data-{runs_of('disentangling_annotators', [], 'mnist_annotators')}/{{share}}"
ANNOTATOR_NOISE_TABLES = {share: f"disentangling_annotators_noise_{share:g}" for share in ANNOTATOR_NOISE["shares"]}
ANNOTATOR_TABLES |= {
    table: ANNOTATOR_NOISE | {"data": "mnist_annotators", "folder": ANNOTATOR_SPOILED.format(share=f"{share:g}"), "overlays": ["mnist"]}
    for share, table in ANNOTATOR_NOISE_TABLES.items()
}
ANNOTATOR_RUNS = {
    name: runs_of(
        "disentangling_annotators", [*spec["overlays"], "evaluate"], spec.get("data"), spec[SCALE],
        spec.get("values", ANNOTATOR_METHODS),
    )
    for name, spec in ANNOTATOR_TABLES.items()
}
ANNOTATOR_PAGE = (ROOT / "docs/methods/disentangling_annotators.md").read_text(encoding="utf-8")  # has the tables that were made
ANNOTATOR_RUN = f"{OUTPUT}/{{table}}/{{runs}}/{{labels}}/{{method}}/seed{{seed}}"


def annotator_overrides(wildcards):
    spec = ANNOTATOR_TABLES[wildcards.table]
    folder = str(ROOT / ANNOTATOR_RUN.format(**wildcards))
    values = {"dataset_dir": str(ROOT / spec["folder"]) if "folder" in spec else data_folder(spec["data"])}
    values |= {"seed": wildcards.seed, "output_dir": folder, "ckpt_dir": folder}
    values |= {"labels_per_image": 1} if wildcards.labels == "one" else {}
    return overrides(values | spec[SCALE] | spec.get("values", ANNOTATOR_METHODS)[wildcards.method])


def annotator_configs(wildcards, *more):
    names = ("train", *ANNOTATOR_TABLES[wildcards.table]["overlays"], *more)
    return shlex.quote(str([f"configs/{name}.yaml" for name in names]))


rule disentangling_annotators_phantom_data:
    output: touch(f"{ANNOTATOR_PHANTOM}/done")
    shell:
        "{PYTHON} -c 'from common.phantoms import write_lesion_phantom; write_lesion_phantom(\"{ANNOTATOR_PHANTOM}\")'"


rule disentangling_annotators_sample:
    output: touch(f"{ANNOTATOR_SAMPLE}/done")
    params: data=lambda wildcards: shlex.quote(data_folder("mnist_annotators"))
    shell:
        "{PYTHON} -m benchmarks.disentangling_annotators_table sample --data {params.data} --output_dir $(dirname {output})"


rule disentangling_annotators_digits:
    output: touch(f"{ANNOTATOR_ALL_DIGITS}/done")
    params:
        data=lambda wildcards: shlex.quote(data_folder("mnist")),
        counts=shlex.quote(json.dumps(ANNOTATOR_DIGITS)),
    shell:
        "{PYTHON} -m benchmarks.disentangling_annotators_table digits --data {params.data} --counts {params.counts}"
        " --output_dir $(dirname {output})"


rule disentangling_annotators_consensus:
    output: touch(f"{ANNOTATOR_CONSENSUS}/done")
    params:
        data=lambda wildcards: shlex.quote(data_folder("lidc")),
        counts=shlex.quote(json.dumps(ANNOTATOR_CROPS)),
    shell:
        "{PYTHON} -m benchmarks.disentangling_annotators_table consensus --data {params.data} --counts {params.counts}"
        " --output_dir $(dirname {output})"


rule disentangling_annotators_spoil:
    output: touch(f"{ANNOTATOR_SPOILED}/done")
    params: data=lambda wildcards: shlex.quote(data_folder("mnist_annotators"))
    shell:
        "{PYTHON} -m benchmarks.disentangling_annotators_table sample --data {params.data} --share {wildcards.share}"
        " --output_dir $(dirname {output})"


rule disentangling_annotators_train:
    input: lambda wildcards: f"{folder}/done" if (folder := ANNOTATOR_TABLES[wildcards.table].get("folder")) else []
    output: touch(f"{ANNOTATOR_RUN}/done")
    log: f"{ANNOTATOR_RUN}/train.log"
    params: configs=annotator_configs, values=annotator_overrides
    wildcard_constraints: table=r"disentangling_annotators_[a-z_]+(_[0-9.]+)?"
    shell:
        "cd bundles/disentangling_annotators && {PYTHON} -m monai.bundle run training"
        " --config_file {params.configs} {params.values} --resume True --overwrite True > {ROOT}/{log} 2>&1"


rule disentangling_annotators_evaluate:
    input: f"{ANNOTATOR_RUN}/done"
    output: f"{ANNOTATOR_RUN}/evaluation/summary.csv"
    log: f"{ANNOTATOR_RUN}/evaluate.log"
    params: configs=lambda wildcards: annotator_configs(wildcards, "evaluate"), values=annotator_overrides
    wildcard_constraints: table=r"disentangling_annotators_[a-z_]+(_[0-9.]+)?"
    shell:
        "cd bundles/disentangling_annotators && {PYTHON} -m monai.bundle run evaluating"
        " --config_file {params.configs} {params.values} > {ROOT}/{log} 2>&1"


for name, spec in ANNOTATOR_TABLES.items():
    if name.startswith(("disentangling_annotators_trace", "disentangling_annotators_noise")):
        continue  # figures, below
    rule:
        name: name
        input:
            [
                expand(ANNOTATOR_RUN + "/evaluation/summary.csv", table=name, runs=ANNOTATOR_RUNS[name], labels=labels, method=methods, seed=spec["seeds"])
                for labels, methods in spec["rows"].items()
            ]
        params:
            table=name,
            runs=ANNOTATOR_RUNS[name],
            configuration=shlex.quote(json.dumps(spec[SCALE])),
            data=lambda wildcards, spec=spec: f"--data {shlex.quote(data_folder(spec['data']))}" if spec.get("data") == "oocytes" else "",
            show=" ".join(
                f"&& {{PYTHON}} -m benchmarks.report table docs/results/{name}_{labels}.json docs/methods/disentangling_annotators.md"
                for labels in spec["rows"]
                if f"<!-- results:{name}_{labels} -->" in ANNOTATOR_PAGE
            ).replace("{PYTHON}", PYTHON) if SCALE == "desk" else "",
        shell:
            "{PYTHON} -m benchmarks.disentangling_annotators_table table --table {params.table} --scale {SCALE} --configuration {params.configuration}"
            " --runs_dir {OUTPUT}/{params.table}/{params.runs} --output_dir docs/results {params.data} {params.show}"


rule disentangling_annotators_trace:
    input:
        expand(
            ANNOTATOR_RUN + "/done",
            table="disentangling_annotators_trace",
            runs=ANNOTATOR_RUNS["disentangling_annotators_trace"],
            labels=ANNOTATOR_TRACE["labels"],
            method=[f"matrices_trace_{weight:g}" for weight in ANNOTATOR_TRACE["weights"]],
            seed=ANNOTATOR_TRACE["seed"],
        )
    params:
        runs=lambda wildcards, input: " ".join(
            shlex.quote(f"{weight:g}:{Path(done).parent}") for weight, done in zip(ANNOTATOR_TRACE["weights"], input)
        ),
        figure=f"docs/results/disentangling_annotators_trace{'' if SCALE == 'desk' else '_' + SCALE}.png",
    shell:
        "{PYTHON} -m benchmarks.report validation {params.runs} --metric val_mean_dice,val_cm_error --output {params.figure}"


rule disentangling_annotators_noise:
    input:
        [
            expand(
                ANNOTATOR_RUN + "/evaluation/summary.csv", table=table, runs=ANNOTATOR_RUNS[table],
                labels=labels, method=methods, seed=ANNOTATOR_NOISE["seeds"],
            )
            for table in ANNOTATOR_NOISE_TABLES.values()
            for labels, methods in ANNOTATOR_NOISE["rows"].items()
        ]
    params:
        configuration=shlex.quote(json.dumps(ANNOTATOR_NOISE[SCALE])),
        runs=" ".join(
            shlex.quote(f"{ANNOTATOR_SPOILED.format(share=f'{share:g}')}:{OUTPUT}/{table}/{ANNOTATOR_RUNS[table]}")
            for share, table in ANNOTATOR_NOISE_TABLES.items()
        ),
    shell:
        "{PYTHON} -m benchmarks.disentangling_annotators_table noise {params.runs} --scale {SCALE} --configuration {params.configuration}"
        " --output_dir docs/results"
