# Trains every method on every task, records traces, replays them, compiles tables and figures.
#   snakemake --cores 8                                      full reproduction (config/config.yaml)
#   snakemake --cores 2 --configfile config/quick.yaml       embedded run, minutes
from snakemake.utils import min_version

min_version("9.19")


configfile: "config/config.yaml"


include: "workflow/rules/common.smk"


pathvars:
    results=config["results"],
    logs=f"{config['results']}/logs",
    benchmarks=f"{config['results']}/benchmarks",


include: "workflow/rules/data.smk"
include: "workflow/rules/runs.smk"
include: "workflow/rules/tables.smk"


rule all:
    default_target: True
    input:
        TABLES,
        FIGURES,


onsuccess:
    print(f"Tables:  {config['results']}/tables/glue.md  (and glue.csv)")
    print(f"Figures: {config['results']}/figures/glue.png  (and one per task, png and pdf)")
