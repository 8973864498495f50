# Table 1 and Figure 3 of the marginal thresholding paper. Run k of a table is fold k with seed k.

ORGANS = ["kidney_right", "aorta", "esophagus"]  # roundish, thick tube, thin tube

MARGINAL_HIPPOCAMPUS = {
    "data": "hippocampus", "overlays": ["hippocampus"], "organs": ["both"], "runs": [0, 1, 2],
    "desk": {
        "spacing": 2.0, "patch_size": [24, 32, 24], "shift": 2, "max_epochs": 16, "val_interval": 16, "learning_rate": 5e-3,
    },
    "paper": {
        "patch_size": [48, 64, 48], "features": [16, 32, 64, 128, 256], "max_epochs": 100, "val_interval": 10, "learning_rate": 1e-4,
        "batch_size": 1,
    },
}
MARGINAL_TABLES = {
    # Real data: does the per-image threshold make cross-entropy as good as soft-Dice?
    "marginal_thresholding_hippocampus": MARGINAL_HIPPOCAMPUS | {"levels": [0, 0.03, 0.06]},
    # The epoch of the lowest training loss, or, after the dash, of the highest Dice of the training samples, as the paper's
    "marginal_thresholding_epoch": MARGINAL_HIPPOCAMPUS | {
        "levels": [0.03], "losses": ["cross_entropy", "soft_dice", "cross_entropy-train_dice", "soft_dice-train_dice"],
    },
    # The same where the truth is known, by the organ's shape
    "marginal_thresholding_phantom": {
        "data": None, "overlays": ["phantom"], "organs": ORGANS, "levels": [0, 0.03, 0.06], "runs": [0, 1, 2],
        "desk": {"val_interval": 20},
        "paper": {
            "features": [16, 32, 64, 128, 256], "max_epochs": 100, "val_interval": 10, "learning_rate": 1e-4, "batch_size": 1,
        },
    },
    # The thin tube again, trained longer: how much of the threshold's gain is a short training
    "marginal_thresholding_esophagus": {
        "data": None, "overlays": ["phantom"], "organs": ["esophagus"], "levels": [0, 0.03, 0.06], "runs": [0, 1, 2],
        "desk": {"max_epochs": 100, "val_interval": 100},
        "paper": {},
    },
    # Its cross-entropy alone, until most of the gain without noise is gone
    "marginal_thresholding_converged": {
        "data": None, "overlays": ["phantom"], "organs": ["esophagus"], "levels": [0], "runs": [0, 1, 2], "losses": ["cross_entropy"],
        "desk": {"max_epochs": 100, "val_interval": 100},
        "paper": {},
    },
    # The roundish organ in the strongest noise, trained longer: does the threshold reach soft-Dice then?
    "marginal_thresholding_kidney": {
        "data": None, "overlays": ["phantom"], "organs": ["kidney_right"], "levels": [0.06], "runs": [0, 1, 2],
        "desk": {"max_epochs": 60, "val_interval": 60},
        "paper": {},
    },
    # Table 1: 3 organs × 4 noise levels × 2 losses × 5 folds
    "marginal_thresholding_totalsegmentator": {
        "data": "totalsegmentator", "overlays": ["totalsegmentator"], "organs": ORGANS, "levels": [0, 0.01, 0.02, 0.03], "runs": [0, 1, 2, 3, 4],
        "desk": {
            "max_cases": 100, "patch_size": [32, 32, 32], "spacing": 6.0, "features": [8, 16, 32], "max_epochs": 20, "val_interval": 20,
            "learning_rate": 5e-3, "batch_size": 2, "num_workers": 0, "select_by": "train_loss",
        },
        "paper": {},
    },
}
MARGINAL_TABLES = {name: {"losses": ["cross_entropy", "soft_dice"]} | spec | PART for name, spec in MARGINAL_TABLES.items()}
MARGINAL_RUNS = {
    name: runs_of("marginal_thresholding", [*spec["overlays"], "noise", "evaluate"], spec["data"], spec[SCALE])
    for name, spec in MARGINAL_TABLES.items()
}
MARGINAL_PAGE = (ROOT / "docs/methods/marginal_thresholding.md").read_text(encoding="utf-8")  # has the tables that were made
MARGINAL_RUN = f"{OUTPUT}/{{table}}/{{runs}}/{{organ}}/{{loss}}/a{{a}}/run{{run}}"
MARGINAL_PHANTOM = f"{OUTPUT}/marginal_thresholding_phantom/data"


def marginal_data(table):
    data = MARGINAL_TABLES[table]["data"]
    return str(ROOT / MARGINAL_PHANTOM) if data is None else data_folder(data)


def marginal_organ(wildcards):
    """Of a data set with a mask for each organ, which; hippocampus.yaml itself makes both parts one class."""
    return {} if wildcards.organ == "both" else {"organ": wildcards.organ}


def marginal_overrides(wildcards):
    folder, (loss, _, select_by) = str(ROOT / MARGINAL_RUN.format(**wildcards)), wildcards.loss.partition("-")
    return overrides({
        "dataset_dir": marginal_data(wildcards.table), **marginal_organ(wildcards), "loss_name": loss, "noise_a": wildcards.a,
        "fold": wildcards.run, "seed": wildcards.run, "output_dir": folder, "ckpt_dir": folder,
    } | MARGINAL_TABLES[wildcards.table][SCALE] | ({"select_by": select_by} if select_by else {}))


def marginal_configs(wildcards, *more):
    names = ["train", *MARGINAL_TABLES[wildcards.table]["overlays"], "noise", *more]
    return shlex.quote(str([f"configs/{name}.yaml" for name in names]))


rule marginal_thresholding_phantom_data:
    output: touch(f"{MARGINAL_PHANTOM}/done")
    shell:
        "{PYTHON} -c 'from common.phantoms import write_ct_phantom; write_ct_phantom(\"{MARGINAL_PHANTOM}\")'"


rule marginal_thresholding_train:
    input: lambda wildcards: [] if MARGINAL_TABLES[wildcards.table]["data"] else f"{MARGINAL_PHANTOM}/done"
    output: touch(f"{MARGINAL_RUN}/done")
    log: f"{MARGINAL_RUN}/train.log"
    params: configs=marginal_configs, values=marginal_overrides
    wildcard_constraints: table="marginal_thresholding_[a-z]+"
    shell:
        "cd bundles/marginal_thresholding && {PYTHON} -m monai.bundle run training"
        " --config_file {params.configs} {params.values} --resume True --overwrite True > {ROOT}/{log} 2>&1"


rule marginal_thresholding_evaluate:
    input: f"{MARGINAL_RUN}/done"
    output: f"{MARGINAL_RUN}/evaluation/summary.csv"
    log: f"{MARGINAL_RUN}/evaluate.log"
    params: configs=lambda wildcards: marginal_configs(wildcards, "evaluate"), values=marginal_overrides
    wildcard_constraints: table="marginal_thresholding_[a-z]+"
    shell:
        "cd bundles/marginal_thresholding && {PYTHON} -m monai.bundle run evaluating"
        " --config_file {params.configs} {params.values} > {ROOT}/{log} 2>&1"


for name, spec in MARGINAL_TABLES.items():
    rule:
        name: name
        input:
            expand(
                MARGINAL_RUN + "/evaluation/summary.csv", table=name, runs=MARGINAL_RUNS[name], organ=spec["organs"], loss=spec["losses"],
                a=spec["levels"], run=spec["runs"],
            )
        params:
            table=name,
            runs=MARGINAL_RUNS[name],
            configuration=shlex.quote(json.dumps(spec[SCALE])),
            show=" ".join(
                f"&& {PYTHON} -m benchmarks.report table docs/results/{file}.json docs/methods/marginal_thresholding.md"
                for file in (name, f"{name}_clean") if f"<!-- results:{file} -->" in MARGINAL_PAGE
            ) if SCALE == "desk" else "",
        shell:
            "{PYTHON} -m benchmarks.marginal_thresholding_table --table {params.table} --scale {SCALE}"
            " --configuration {params.configuration} --runs_dir {OUTPUT}/{params.table}/{params.runs}"
            " --output_dir docs/results {params.show}"
