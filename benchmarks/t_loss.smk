# Tables 1 and 2 and Figures 1 and 2 of the T-Loss paper.

LOSSES = ["gce", "mae", "rce", "sce", "ngce", "nce_rce", "ngce_mae", "ngce_rce", "t_loss"]
SETTINGS = ["0.0_0.0", "0.3_0.5", "0.3_0.7", "0.5_0.5", "0.5_0.7", "0.7_0.5", "0.7_0.7"]  # α_β

T_LOSS_TABLES = {
    # Table 2: 9 losses × 7 noise settings × 3 seeds
    "t_loss_shenzhen": {
        "data": "shenzhen", "losses": LOSSES, "settings": SETTINGS, "seeds": [0, 1, 2],
        "desk": {"image_size": [48, 48], "features": [8, 16, 32, 64], "max_epochs": 20},
    },
    # Table 1
    "t_loss_isic": {
        "data": "isic", "losses": LOSSES, "settings": SETTINGS, "seeds": [0, 1, 2],
        "desk": {"image_size": [48, 48], "features": [8, 16, 32, 64], "max_epochs": 10},
    },
    # The claim at a larger scale, with the losses that most people start from; one seed where nothing is claimed
    "t_loss_claim": {
        "data": "shenzhen", "losses": ["t_loss", "bce", "soft_dice", "mae", "gce"], "settings": ["0.0_0.0", "0.7_0.7"],
        "seeds": [0, 1, 2, 3, 4], "seeds_of": {"0.0_0.0": [0]}, "best_epoch": True,
        "desk": {"image_size": [64, 64], "features": [16, 32, 64, 128], "max_epochs": 60},
    },
    # Table 2 without noise, trained until no loss gains any more: how much of T-Loss' lead is faster training
    "t_loss_converged": {
        "data": "shenzhen", "losses": ["gce", "mae", "sce", "t_loss"], "settings": ["0.0_0.0"], "seeds": [0, 1, 2],
        "desk": {"image_size": [48, 48], "features": [8, 16, 32, 64], "max_epochs": 80},
    },
    # Figure 2, center and right: where ν̃ ends, whatever it starts from
    "t_loss_nu": {
        "data": "shenzhen", "losses": ["t_loss"], "settings": ["0.7_0.7"], "seeds": [0], "nu": [-5, 0, 5, 10],
        "desk": {"image_size": [48, 48], "features": [8, 16, 32, 64], "max_epochs": 20},
    },
}
T_LOSS_TABLES = {name: {"paper": {}} | spec | PART for name, spec in T_LOSS_TABLES.items()}
T_LOSS_RUNS = {name: runs_of("t_loss", [spec["data"], "noise"], spec["data"], spec[SCALE]) for name, spec in T_LOSS_TABLES.items()}
T_LOSS_RUN = f"{OUTPUT}/{{table}}/{{runs}}/{{loss}}/{{setting}}/nu{{nu}}/seed{{seed}}"


def t_loss_runs(table):
    spec = T_LOSS_TABLES[table]
    return [
        run
        for setting in spec["settings"]
        for run in expand(
            T_LOSS_RUN + "/done", table=table, runs=T_LOSS_RUNS[table], setting=setting, loss=spec["losses"],
            nu=spec.get("nu", [0]), seed=spec.get("seeds_of", {}).get(setting, spec["seeds"]),
        )
    ]


def t_loss_overrides(wildcards):
    alpha, beta = wildcards.setting.split("_")
    folder = str(ROOT / T_LOSS_RUN.format(**wildcards))
    values = {
        "dataset_dir": data_folder(T_LOSS_TABLES[wildcards.table]["data"]),
        "loss_name": wildcards.loss, "nu_tilde": float(wildcards.nu), "noise_alpha": alpha, "noise_beta": beta,
        "seed": wildcards.seed, "output_dir": folder, "ckpt_dir": folder, "resume": True, "overwrite": True,
    }
    return overrides(values | T_LOSS_TABLES[wildcards.table][SCALE])


rule t_loss_train:
    output: touch(f"{T_LOSS_RUN}/done")
    log: f"{T_LOSS_RUN}.log"
    params:
        data=lambda wildcards: T_LOSS_TABLES[wildcards.table]["data"],
        values=t_loss_overrides,
    wildcard_constraints:
        table="t_loss_[a-z]+",
    shell:
        "cd bundles/t_loss && {PYTHON} -m monai.bundle run training"
        " --config_file \"['configs/train.yaml','configs/{params.data}.yaml','configs/noise.yaml']\" {params.values} > {ROOT}/{log} 2>&1"


# The tables that stand in documents, between markers of their name
T_LOSS_DOCUMENTS = {"t_loss_shenzhen": "README.md docs/methods/t_loss.md", "t_loss_claim": "docs/methods/t_loss.md", "t_loss_converged": "docs/methods/t_loss.md"}

for name, spec in T_LOSS_TABLES.items():
    rule:
        name: name
        input: t_loss_runs(name)
        params:
            table=name,
            data=spec["data"],
            runs=T_LOSS_RUNS[name],
            configuration=shlex.quote(json.dumps(spec[SCALE])),
            best_epoch=spec.get("best_epoch", False),
            show=f"&& {PYTHON} -m benchmarks.report table docs/results/{name}.json {T_LOSS_DOCUMENTS[name]}"
            if SCALE == "desk" and name in T_LOSS_DOCUMENTS else "",
        shell:
            "{PYTHON} -m benchmarks.t_loss_table --table {params.table} --scale {SCALE} --data {params.data}"
            " --configuration {params.configuration} --runs_dir {OUTPUT}/{params.table}/{params.runs}"
            " --output_dir docs/results --best_epoch {params.best_epoch} {params.show}"
