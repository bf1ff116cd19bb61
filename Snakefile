# Trains every method on every task, records traces, replays them, compiles tables and figures.
#   snakemake --cores 8                                      full reproduction (config/config.yaml)
#   snakemake --cores 2 --configfile config/quick.yaml       embedded run, minutes
# It runs in any folder (-s .../Snakefile --directory DIR) and as a module of another workflow
# (docs/running.md): paths in the config are relative to the folder it runs in.
from snakemake.utils import min_version

min_version("9.19")

ROOT = os.path.abspath(str(workflow.current_basedir))


configfile: f"{ROOT}/config/config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/inputs.smk"
include: "workflow/rules/words.smk"
include: "workflow/rules/report.smk"


pathvars:
    results=config["results"],
    logs=f"{config['results']}/logs",
    benchmarks=f"{config['results']}/benchmarks",


if KEPT_RUNS.complete:

    include: "workflow/rules/replay.smk"

else:

    include: "workflow/rules/data.smk"
    include: "workflow/rules/runs.smk"


if KEPT_RUNS.folder:

    include: "workflow/rules/kept.smk"


include: "workflow/rules/foreign.smk"
include: "workflow/rules/scores.smk"
include: "workflow/rules/ablations.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/notebooks.smk"


if not KEPT_RUNS.complete:

    include: "workflow/rules/models.smk"
    include: "workflow/rules/submission.smk"


rule all:
    default_target: True
    input:
        TABLES,
        FIGURES,
        CLAIMS,
        ABLATED,
        EXPLORER,


onstart:
    try:
        check_writable(Path(config["results"]))
    except UserError as error:
        sys.exit(f"error: {error}")
    if PRELOAD:
        start.start(PRELOADED, JOBS)


onsuccess:
    drop_partial()
    for path, figure in (("", "glue"), *((f"tasks/{task}/", task) for task in config["tasks"])):
        for what, name in (
            ("Tables:   ", "tables/glue.md"),
            ("Figures:  ", f"figures/{figure}.png"),
            ("Claims:   ", "claims.md"),
            ("Explorer: ", "explorer.html"),
        ):
            if Path(
                config["results"], path, name
            ).exists():  # not where only a part was asked for
                print(f"{what}{config['results']}/{path}{name}")


onerror:
    # What did finish is compiled all the same; a run that failed is a row with its reason.
    words = [sys.executable, "-P", "-m", "workflow.scripts.partial", *PARTIAL]
    subprocess.run(words, check=False, env={**os.environ, "PYTHONPATH": PATHS})
