# Tables 1 and 2 (ACDC, N_tr = 5) and Figures 3 and 4 of the boundary-weighted consistency paper. Both tables share their runs.

BWCR = {
    "methods": ["baseline", "da", "svls", "mls", "cr_1", "bwcr_1"],  # of table 2
    "seeds": [0, 1, 2],
    "lambdas": [0.01, 0.1, 1, 10],  # of table 1, where 0 is da; seed 0
    "desk": {
        "counts": {"training": 5, "validation": 5, "test": 25}, "spacing": [3.0, 3.0], "patch_size": [96, 96], "radius": 10,
        "normalization#bias_field": None,
        "features": [16, 32, 64, 64], "batch_size": 4, "max_epochs": 20, "iterations_per_epoch": 200, "val_interval": 4,
        "learning_rate": 3e-3, "last_learning_rate": 3e-6, "average_momentum": 0.005,
    },
    "paper": {},  # configs/acdc.yaml: 192 × 192, batches of 16, 50,000 iterations
} | PART
BWCR_RUNS = f"{OUTPUT}/bwcr/{runs_of('bwcr', ['acdc', 'evaluate'], 'acdc', BWCR[SCALE])}"
BWCR_RUN = f"{BWCR_RUNS}/{{method}}/seed{{seed}}"
BWCR_TABLES = {
    "bwcr_acdc": {"methods": BWCR["methods"], "seeds": BWCR["seeds"]},
    "bwcr_lambda": {
        "methods": ["da", *(f"{method}_{weight:g}" for method in ("cr", "bwcr") for weight in BWCR["lambdas"])],
        "seeds": BWCR["seeds"][:1],
    },
}
BWCR_EXAMPLES = expand(BWCR_RUN + "/example", method=BWCR["methods"], seed=BWCR["seeds"][:1])


def bwcr_overrides(wildcards):
    folder = str(ROOT / BWCR_RUN.format(**wildcards))
    method, _, weight = wildcards.method.partition("_")
    values = {"dataset_dir": data_folder("acdc"), "method": method, "seed": wildcards.seed, "output_dir": folder, "ckpt_dir": folder}
    if weight:
        values[{"cr": "lambda_uniform", "bwcr": "lambda_max"}[method]] = weight
    return overrides(values | BWCR[SCALE])


rule bwcr_train:
    output: touch(f"{BWCR_RUN}/done")
    log: f"{BWCR_RUN}/train.log"
    params: values=bwcr_overrides
    shell:
        "cd bundles/bwcr && {PYTHON} -m monai.bundle run training"
        " --config_file \"['configs/train.yaml','configs/acdc.yaml']\" {params.values} --resume True --overwrite True > {ROOT}/{log} 2>&1"


rule bwcr_evaluate:
    input: f"{BWCR_RUN}/done"
    output:
        summary=f"{BWCR_RUN}/evaluation/summary.csv",
        reliability=f"{BWCR_RUN}/evaluation/reliability.csv",
    log: f"{BWCR_RUN}/evaluate.log"
    params: values=bwcr_overrides
    shell:
        "cd bundles/bwcr && {PYTHON} -m monai.bundle run evaluating"
        " --config_file \"['configs/train.yaml','configs/acdc.yaml','configs/evaluate.yaml']\" {params.values} > {ROOT}/{log} 2>&1"


# The probabilities of one test image by every method, for Figure 4: the image on which da has its median Dice
rule bwcr_example:
    input:
        run=f"{BWCR_RUN}/done",
        summary=BWCR_RUN.replace("{method}", "da") + "/evaluation/summary.csv",
    output: directory(f"{BWCR_RUN}/example")
    log: f"{BWCR_RUN}/example.log"
    params:
        data=lambda wildcards: shlex.quote(data_folder("acdc")),
    shell:
        "IMAGE=$({PYTHON} -m benchmarks.bwcr_table example --summary {input.summary} --data {params.data}) && cd bundles/bwcr"
        " && {PYTHON} -m monai.bundle run inferring --config_file configs/inference.yaml"
        " --dataset_dir \"$IMAGE\" --ckpt_dir {ROOT}/$(dirname {output}) --output_dir {ROOT}/{output} > {ROOT}/{log} 2>&1"


for name, spec in BWCR_TABLES.items():
    rule:
        name: name
        input:
            expand(BWCR_RUN + "/evaluation/summary.csv", method=spec["methods"], seed=spec["seeds"]),
            BWCR_EXAMPLES if name == "bwcr_acdc" else [],
        params:
            table=name,
            methods=shlex.quote(json.dumps(spec["methods"])),
            seeds=shlex.quote(json.dumps(spec["seeds"])),
            data=lambda wildcards: shlex.quote(data_folder("acdc")),
            configuration=shlex.quote(json.dumps(BWCR[SCALE])),
            show=f"&& {PYTHON} -m benchmarks.report table docs/results/{name}.json docs/methods/bwcr.md" if SCALE == "desk" else "",
        shell:
            "{PYTHON} -m benchmarks.bwcr_table table --table {params.table} --scale {SCALE} --methods {params.methods} --seeds {params.seeds}"
            " --configuration {params.configuration} --runs_dir {BWCR_RUNS} --data {params.data} --output_dir docs/results {params.show}"
