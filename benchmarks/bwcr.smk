# Tables 1 and 2 and Figures 3 and 4 of the boundary-weighted consistency paper. Tables of one data set and size share their runs.

BWCR = {
    "methods": ["baseline", "da", "svls", "mls", "cr_1", "bwcr_1"],  # of table 2
    "seeds": [0, 1, 2],
    "lambdas": [0.01, 0.1, 1, 10],  # of table 1, where 0 is da
    "distances": ["jensen_shannon", "cosine"],  # of the conclusion, with the weights:
    "distance_lambdas": [1, 10],
    "desk": {
        "counts": {"training": 5, "validation": 5, "test": 25}, "spacing": [3.0, 3.0], "patch_size": [96, 96], "radius": 10,
        "normalization#bias_field": None,
        "features": [16, 32, 64, 128, 128], "batch_size": 4, "max_epochs": 20, "iterations_per_epoch": 200, "val_interval": 4,
        "learning_rate": 3e-3, "last_learning_rate": 3e-6, "average_momentum": 0.005,
    },
    "nci_desk": {"counts": {"training": 6, "validation": 4, "test": 30}, "spacing": [1.25, 1.25]},  # in place of those of desk
    "paper": {},  # configs/acdc.yaml and nci.yaml: 192 × 192, batches of 16, 50,000 iterations
} | PART
BWCR_SHORT = {"patch_size": [64, 64], "max_epochs": 6, "val_interval": 2}
BWCR_UNET = {"architecture": "unet", "features": [16, 32, 64, 64]}  # instead of the network of the authors' code
BWCR_SWEEP = [f"{method}_{weight:g}" for method in ("cr", "bwcr") for weight in BWCR["lambdas"]]
BWCR_DISTANCES = [f"bwcr_{weight:g}_{distance}" for distance in BWCR["distances"] for weight in BWCR["distance_lambdas"]]
# A table's rows and data; training subjects where they are not those of the overlay and of desk; other values of desk; whether
# figure 4 is drawn
BWCR_TABLES = {
    "bwcr_acdc": {"methods": BWCR["methods"], "data": "acdc", "example": True, "desk": BWCR_UNET},
    "bwcr_acdc_short": {"methods": ["da", "cr_1", "bwcr_1"], "data": "acdc", "desk": BWCR_SHORT | BWCR_UNET},
    "bwcr_acdc_network": {"methods": BWCR["methods"], "data": "acdc", "example": True, "desk": BWCR_SHORT},
    "bwcr_acdc_long": {"methods": BWCR["methods"], "data": "acdc"},
    "bwcr_acdc_10": {"methods": BWCR["methods"], "data": "acdc", "training": 10},
    "bwcr_acdc_95": {"methods": BWCR["methods"], "data": "acdc", "training": 95},
    "bwcr_nci": {"methods": BWCR["methods"], "data": "nci"},
    "bwcr_nci_12": {"methods": BWCR["methods"], "data": "nci", "training": 12},
    "bwcr_nci_36": {"methods": BWCR["methods"], "data": "nci", "training": 36},
    "bwcr_lambda": {"methods": ["da", *BWCR_SWEEP], "data": "acdc", "sweep": True, "desk": BWCR_SHORT},
    "bwcr_nci_lambda": {"methods": ["da", *BWCR_SWEEP], "data": "nci", "sweep": True},
    "bwcr_distances": {"methods": ["da", "bwcr_1", *BWCR_DISTANCES], "data": "acdc", "sweep": True, "desk": BWCR_SHORT},
}


def bwcr_values(spec):
    """What the trainings of a table are told besides the overlay of their data."""
    values = BWCR[SCALE] | (BWCR["nci_desk"] if SCALE == "desk" and spec["data"] == "nci" else {})
    values |= spec.get("desk", {}) if SCALE == "desk" else {}
    if "training" not in spec:
        return values
    if "counts" in values:
        return values | {"counts": values["counts"] | {"training": spec["training"]}}
    return values | {"counts#training": spec["training"]}


for spec in BWCR_TABLES.values():
    spec["values"] = bwcr_values(spec)
    spec["runs"] = runs_of("bwcr", [spec["data"], "evaluate"], spec["data"], spec["values"])
BWCR_OF_RUNS = {spec["runs"]: spec for spec in BWCR_TABLES.values()}
BWCR_PAGE = (ROOT / "docs/methods/bwcr.md").read_text(encoding="utf-8")  # which shows the tables that it has markers of
BWCR_RUN = f"{OUTPUT}/bwcr/{{runs}}/{{method}}/seed{{seed}}"


def bwcr_overrides(wildcards):
    spec = BWCR_OF_RUNS[wildcards.runs]
    folder = str(ROOT / BWCR_RUN.format(**wildcards))
    method, weight, distance = [*wildcards.method.split("_", 2), "", ""][:3]
    values = {"dataset_dir": data_folder(spec["data"]), "method": method, "seed": wildcards.seed, "output_dir": folder, "ckpt_dir": folder}
    if weight:
        values[{"cr": "lambda_uniform", "bwcr": "lambda_max"}[method]] = weight
    if distance:
        values["distance"] = distance
    return overrides(values | spec["values"])


def bwcr_configs(wildcards, *more):
    return shlex.quote(str([f"configs/{name}.yaml" for name in ("train", BWCR_OF_RUNS[wildcards.runs]["data"], *more)]))


rule bwcr_train:
    output: touch(f"{BWCR_RUN}/done")
    log: f"{BWCR_RUN}/train.log"
    params: configs=bwcr_configs, values=bwcr_overrides
    shell:
        "cd bundles/bwcr && {PYTHON} -m monai.bundle run training"
        " --config_file {params.configs} {params.values} --resume True --overwrite True > {ROOT}/{log} 2>&1"


rule bwcr_evaluate:
    input: f"{BWCR_RUN}/done"
    output:
        summary=f"{BWCR_RUN}/evaluation/summary.csv",
        reliability=f"{BWCR_RUN}/evaluation/reliability.csv",
    log: f"{BWCR_RUN}/evaluate.log"
    params: configs=lambda wildcards: bwcr_configs(wildcards, "evaluate"), values=bwcr_overrides
    shell:
        "cd bundles/bwcr && {PYTHON} -m monai.bundle run evaluating"
        " --config_file {params.configs} {params.values} > {ROOT}/{log} 2>&1"


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
            expand(BWCR_RUN + "/evaluation/summary.csv", runs=spec["runs"], method=spec["methods"], seed=BWCR["seeds"]),
            expand(BWCR_RUN + "/example", runs=spec["runs"], method=spec["methods"], seed=BWCR["seeds"][:1]) if "example" in spec else [],
        params:
            table=name,
            runs=spec["runs"],
            methods=shlex.quote(json.dumps(spec["methods"])),
            seeds=shlex.quote(json.dumps(BWCR["seeds"])),
            data_set=spec["data"].upper(),
            sweep="sweep" in spec,
            data=(lambda wildcards: f"--data {shlex.quote(data_folder('acdc'))}") if "example" in spec else "",
            configuration=shlex.quote(json.dumps(spec["values"])),
            show=f"&& {PYTHON} -m benchmarks.report table docs/results/{name}.json docs/methods/bwcr.md"
            if SCALE == "desk" and f"<!-- results:{name} -->" in BWCR_PAGE else "",
        shell:
            "{PYTHON} -m benchmarks.bwcr_table table --table {params.table} --scale {SCALE} --methods {params.methods} --seeds {params.seeds}"
            " --configuration {params.configuration} --runs_dir {OUTPUT}/bwcr/{params.runs} --output_dir docs/results"
            " --data_set {params.data_set} --sweep {params.sweep} {params.data} {params.show}"
