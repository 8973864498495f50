# The atlas: all methods × all label errors × several data sets (docs/atlas.md). A run of one seed trains and measures all
# methods and errors of a data set one after the other, and continues where it stopped.

ATLAS_SETS = ["shenzhen", "acdc", "hippocampus", "oocytes"]
ATLAS_SEEDS = PART.get("seeds", [0, 1, 2])
ATLAS_STEPS = PART.get("steps")  # of each training, for a trial
ATLAS_RUNS = f"{OUTPUT}/atlas{'' if ATLAS_STEPS is None else '_' + str(ATLAS_STEPS)}/{{data_set}}"


def atlas_options(wildcards):
    values = {"data_set": wildcards.data_set, "dataset_dir": data_folder(wildcards.data_set), "folder": ATLAS_RUNS.format(**wildcards)}
    return overrides(values | ({} if ATLAS_STEPS is None else {"steps": ATLAS_STEPS}))


# Each method's learning rate, on clean validation cases of a split of its own
rule atlas_rates:
    output: f"{ATLAS_RUNS}/rates.done"
    log: f"{ATLAS_RUNS}/rates.log"
    params: options=atlas_options
    shell: "{PYTHON} -m benchmarks.atlas rates {params.options} > {log} 2>&1 && touch {output}"


rule atlas_runs:
    input: f"{ATLAS_RUNS}/rates.done"
    output: f"{ATLAS_RUNS}/seed{{seed}}.done"
    log: f"{ATLAS_RUNS}/seed{{seed}}.log"
    params: options=atlas_options
    shell: "{PYTHON} -m benchmarks.atlas runs {params.options} --seed {wildcards.seed} > {log} 2>&1 && touch {output}"


# atlas is all of them; atlas_shenzhen one, also of another folder of its layout: --config data=/path
for name in ["atlas", *(f"atlas_{data_set}" for data_set in ATLAS_SETS)]:
    chosen = ATLAS_SETS if name == "atlas" else [name.removeprefix("atlas_")]
    rule:
        name: name
        input: expand(f"{ATLAS_RUNS}/seed{{seed}}.done", data_set=chosen, seed=ATLAS_SEEDS)
        params:
            folders=overrides({data_set: ATLAS_RUNS.format(data_set=data_set) for data_set in chosen}),
            output=f"docs/results/{name}.json" if name == "atlas" and ATLAS_STEPS is None else f"{OUTPUT}/{name}.json",
            root="--root ." if name == "atlas" and ATLAS_STEPS is None else "",
        shell: "{PYTHON} -m benchmarks.atlas table {params.folders} --output {params.output} {params.root}"
