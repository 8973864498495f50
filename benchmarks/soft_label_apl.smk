# Table I and Fig. 2 of the soft-label paper on the knee phantom and on the user's files of OAI, and its losses on real images: three
# annotators, simulated readers.

# Rows: overrides of the bundle's train.yaml. The first is no row of the paper: the annotators' regions as they are, without the steps of section IV.A.
SOFT_LABEL_STEPS_OFF = {"restrict": False, "hyperintensity": 0, "neighbor_evidence": 0}
SOFT_LABEL_ROWS = {
    "majority_bce": {"loss_name": "bce"},
    "bce": {"loss_name": "bce"},
    "apl_binary_1_0_1": {"loss_name": "apl_binary_1_0_1"},
    "apl_binary_2_0_1": {"loss_name": "apl_binary_2_0_1"},
    "soft_bce": {"loss_name": "soft_bce"},
    "apl_soft_0_1_1": {"loss_name": "apl_soft_0_1_1"},
    "apl_soft_0_2_1": {"loss_name": "apl_soft_0_2_1"},
    "apl_soft_1_1_1": {"loss_name": "apl_soft_1_1_1"},
    "apl_soft_2_2_1": {"loss_name": "apl_soft_2_2_1"},
}
# No rows of the paper's table either: losses that its text sets against its own. All see the hard label.
SOFT_LABEL_BESIDE = {row: {"loss_name": row} for row in ("mae", "sce", "smoothed_bce")}
SOFT_LABEL_PAPER = {"patch_size": [320, 320], "p_min": 1e-20, "max_epochs": 200, "iterations_per_epoch": 200}
SOFT_LABEL_NETWORKS = {"imaskrcnn": "resnet50" if SCALE == "paper" else None, "unet": "unet"}  # overlays of the configuration
SOFT_LABEL_TABLES = {
    # 24 knees, 2 to 7 annotators with rectangles, the exact lesions of validation and test volumes
    "soft_label_apl_phantom": {
        "data": None, "overlay": None, "networks": ["imaskrcnn", "unet"], "rows": list(SOFT_LABEL_ROWS), "seeds": [0, 1, 2],
        "majority": SOFT_LABEL_STEPS_OFF, "references": ["truth"],
        "phantom": {"desk": {"num_cases": 24}, "paper": {"num_cases": 65, "size": 320, "num_slices": 20}},
        "desk": {"imaskrcnn": {"max_epochs": 10, "iterations_per_epoch": 40}, "unet": {"batch_size": 4, "max_epochs": 10, "iterations_per_epoch": 60}},
        "paper": {
            "imaskrcnn": SOFT_LABEL_PAPER,
            "unet": SOFT_LABEL_PAPER | {"features": [32, 64, 128, 256, 512]},
        },
    },
    # The losses beside it on the same knees
    "soft_label_apl_beside": {
        "data": None, "overlay": None, "networks": ["imaskrcnn"], "rows": list(SOFT_LABEL_BESIDE), "seeds": [0, 1, 2],
        "majority": SOFT_LABEL_STEPS_OFF, "references": ["truth"],
        "phantom": {"desk": {"num_cases": 24}, "paper": {"num_cases": 65, "size": 320, "num_slices": 20}},
        "desk": {"imaskrcnn": {"max_epochs": 10, "iterations_per_epoch": 40}},
        "paper": {"imaskrcnn": SOFT_LABEL_PAPER},
    },
    # Its most important rows at a schedule at which trainings agree: more knees, four times the steps, five seeds
    "soft_label_apl_seeds": {
        "data": None, "overlay": None, "networks": ["imaskrcnn"], "rows": ["bce", "apl_soft_1_1_1"],
        "seeds": [0, 1, 2, 3, 4], "majority": SOFT_LABEL_STEPS_OFF, "references": ["truth"],
        "phantom": {"desk": {"num_cases": 64}, "paper": {"num_cases": 65, "size": 320, "num_slices": 20}},
        "desk": {"imaskrcnn": {"counts": [36, 10, 18], "max_epochs": 40, "iterations_per_epoch": 40, "val_interval": 2}},
        "paper": {"imaskrcnn": SOFT_LABEL_PAPER},
    },
    # The paper's own data, which the user has to ask for: --config data=/path
    "soft_label_apl_oai": {
        "data": "oai", "overlay": "oai", "networks": ["imaskrcnn"], "rows": [*SOFT_LABEL_ROWS, *SOFT_LABEL_BESIDE], "seeds": [0, 1, 2],
        "majority": SOFT_LABEL_STEPS_OFF, "references": ["truth"],
        "desk": {"imaskrcnn": {"spacing": [1.19, 1.19], "patch_size": [96, 96], "p_min": 1e-4, "max_epochs": 10, "iterations_per_epoch": 40}},
        "paper": {"imaskrcnn": {}},  # configs/oai.yaml and resnet50.yaml
    },
    # Three real annotators and no truth: compared with each of them and with their majority
    "soft_label_apl_oocytes": {
        "data": "oocytes", "overlay": None, "networks": ["unet"], "rows": ["majority_bce", "soft_bce", "apl_soft_1_1_1"], "seeds": [0, 1, 2],
        "majority": {"fusion": "majority"}, "references": ["majority", "AR", "HS", "SG"],
        "desk": {"unet": {"image_size": [128, 96], "batch_size": 4, "max_epochs": 10, "iterations_per_epoch": 40}},
        "paper": {"unet": {"p_min": 1e-20, "max_epochs": 100, "iterations_per_epoch": 40}},
    },
    # Slices of hippocampus MRI, three of four simulated annotators per volume who miss a half of it, and the exact truth
    "soft_label_apl_hippocampus": {
        "data": "hippocampus", "overlay": "hippocampus", "networks": ["unet"], "rows": ["majority_bce", "soft_bce", "apl_soft_1_1_1"],
        "seeds": [0, 1, 2], "majority": {"fusion": "majority"}, "references": ["truth"],
        "desk": {"unet": {"max_epochs": 10, "val_interval": 2}},
        "paper": {"unet": {"p_min": 1e-20, "max_epochs": 100}},
    },
}
SOFT_LABEL_TABLES = {name: spec | PART for name, spec in SOFT_LABEL_TABLES.items()}
SOFT_LABEL_RUNS = {
    name: runs_of(
        "soft_label_apl", [overlay for overlay in (spec["overlay"], *SOFT_LABEL_NETWORKS.values(), "evaluate") if overlay], spec["data"],
        spec[SCALE], spec["majority"], spec.get("phantom"), SOFT_LABEL_ROWS,
    )
    for name, spec in SOFT_LABEL_TABLES.items()
}
SOFT_LABEL_PAGE = (ROOT / "docs/methods/soft_label_apl.md").read_text(encoding="utf-8")  # which shows the tables that it has markers of
SOFT_LABEL_RUN = f"{OUTPUT}/{{table}}/{{runs}}/{{network}}/{{row}}/seed{{seed}}"
SOFT_LABEL_PHANTOM = f"{OUTPUT}/{{table}}/{{runs}}/data"


def soft_label_overrides(wildcards):
    spec = SOFT_LABEL_TABLES[wildcards.table]
    folder = str(ROOT / SOFT_LABEL_RUN.format(**wildcards))
    values = {"dataset_dir": data_folder(spec["data"]) if spec["data"] else str(ROOT / SOFT_LABEL_PHANTOM.format(**wildcards))}
    values |= {"seed": wildcards.seed, "output_dir": folder, "ckpt_dir": folder} | spec[SCALE][wildcards.network]
    values |= spec["majority"] if wildcards.row == "majority_bce" else {}
    if "reference" in wildcards.keys():
        values["output_dir"] = f"{folder}/{wildcards.reference}"
        values |= {"compare_with": wildcards.reference} if wildcards.reference not in ("truth", "majority") else {}
    return overrides(values | (SOFT_LABEL_ROWS | SOFT_LABEL_BESIDE)[wildcards.row])


def soft_label_configs(wildcards, *more, start="train"):
    overlays = [SOFT_LABEL_NETWORKS[wildcards.network], SOFT_LABEL_TABLES[wildcards.table]["overlay"]]
    return shlex.quote(str([f"configs/{name}.yaml" for name in (start, *filter(None, overlays), *more)]))


rule soft_label_apl_phantom_data:
    output: touch(f"{SOFT_LABEL_PHANTOM}/done")
    params:
        folder=lambda wildcards, output: str(Path(output[0]).parent),
        sizes=lambda wildcards: ", ".join(f"{key}={value}" for key, value in SOFT_LABEL_TABLES[wildcards.table]["phantom"][SCALE].items()),
    wildcard_constraints: table="soft_label_apl_[a-z]+"
    shell:
        "{PYTHON} -c 'from common.phantoms import write_knee_phantom; write_knee_phantom(\"{params.folder}\", {params.sizes})'"


rule soft_label_apl_train:
    input: lambda wildcards: [] if SOFT_LABEL_TABLES[wildcards.table]["data"] else f"{SOFT_LABEL_PHANTOM.format(**wildcards)}/done"
    output: touch(f"{SOFT_LABEL_RUN}/done")
    log: f"{SOFT_LABEL_RUN}/train.log"
    params: configs=soft_label_configs, values=soft_label_overrides
    wildcard_constraints: table="soft_label_apl_[a-z]+"
    shell:
        "cd bundles/soft_label_apl && {PYTHON} -m monai.bundle run training"
        " --config_file {params.configs} {params.values} --resume True --overwrite True > {ROOT}/{log} 2>&1"


rule soft_label_apl_evaluate:
    input: f"{SOFT_LABEL_RUN}/done"
    output: f"{SOFT_LABEL_RUN}/{{reference}}/evaluation/metrics.csv"
    log: f"{SOFT_LABEL_RUN}/{{reference}}/evaluate.log"
    params: configs=lambda wildcards: soft_label_configs(wildcards, "evaluate"), values=soft_label_overrides
    wildcard_constraints: table="soft_label_apl_[a-z]+"
    shell:
        "cd bundles/soft_label_apl && {PYTHON} -m monai.bundle run evaluating"
        " --config_file {params.configs} {params.values} > {ROOT}/{log} 2>&1"


# The probabilities of one test volume by every row, for Fig. 2: the volume on which the baseline has its median Dice
rule soft_label_apl_example:
    input:
        run=f"{SOFT_LABEL_RUN}/done",
        summary=SOFT_LABEL_RUN.replace("{row}", "bce") + "/truth/evaluation/metrics.csv",
    output: directory(f"{SOFT_LABEL_RUN}/example")
    log: f"{SOFT_LABEL_RUN}/example.log"
    params:
        configs=lambda wildcards: soft_label_configs(wildcards, start="inference"),
        data=lambda wildcards: SOFT_LABEL_PHANTOM.format(**wildcards),
    wildcard_constraints: table="soft_label_apl_phantom"
    shell:
        "IMAGE=$({PYTHON} -m benchmarks.soft_label_apl_table example --evaluation $(dirname {input.summary}) --data {params.data})"
        " && cd bundles/soft_label_apl && {PYTHON} -m monai.bundle run inferring --config_file {params.configs}"
        " --dataset_dir {ROOT}/\"$IMAGE\" --ckpt_dir {ROOT}/$(dirname {output}) --output_dir {ROOT}/{output} > {ROOT}/{log} 2>&1"


for name, spec in SOFT_LABEL_TABLES.items():
    rule:
        name: name
        input:
            expand(
                SOFT_LABEL_RUN + "/{reference}/evaluation/metrics.csv",
                table=name, runs=SOFT_LABEL_RUNS[name], network=spec["networks"], row=spec["rows"], seed=spec["seeds"], reference=spec["references"],
            ),
            [] if name != "soft_label_apl_phantom" else expand(
                SOFT_LABEL_RUN + "/example", table=name, runs=SOFT_LABEL_RUNS[name], network=spec["networks"], row=spec["rows"], seed=spec["seeds"][:1]
            ),
        params:
            table=name,
            runs=SOFT_LABEL_RUNS[name],
            configuration=shlex.quote(json.dumps(spec[SCALE])),
            data="" if spec["data"] else f"--data {SOFT_LABEL_PHANTOM.format(table=name, runs=SOFT_LABEL_RUNS[name])}",
            figures="--figures" if name == "soft_label_apl_phantom" else "",
            show=" ".join(
                f"&& {PYTHON} -m benchmarks.report table docs/results/{name}_{network}.json docs/methods/soft_label_apl.md" for network in spec["networks"]
                if f"<!-- results:{name}_{network} -->" in SOFT_LABEL_PAGE
            ) if SCALE == "desk" else "",
        shell:
            "{PYTHON} -m benchmarks.soft_label_apl_table table --table {params.table} --scale {SCALE} --configuration {params.configuration}"
            " --runs_dir {OUTPUT}/{params.table}/{params.runs} --output_dir docs/results {params.data} {params.figures} {params.show}"
