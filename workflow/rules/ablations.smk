# Variants of SmartBERT against itself, a task at a time; and an alias for each task's main results.
ABLATED = [f"<results>/ablations/{task}.md" for task in config["ablations"]["tasks"]]


rule ablate:
    input:
        points=lambda wildcards: run_files(
            wildcards.task, settings.ablation_entries(config, wildcards.task), "points.json"
        ),
        traces=lambda wildcards: member_files(
            wildcards.task,
            settings.ablation_entries(config, wildcards.task),
            "trace-test.safetensors",
        ),
    output:
        expand("<results>/ablations/{{task}}.{kind}", kind=["csv", "md", "tex", "pdf"]),
        in_report("<results>/ablations/{task}.png", "ablation", "Ablations", task="{task}"),
        expand("<results>/ablations/{{task}}-lambda.{kind}", kind=["csv", "pdf"]),
        in_report(
            "<results>/ablations/{task}-lambda.png", "ablation", "Ablations", task="{task}, lambda"
        ),
        expand(
            "<results>/ablations/{{task}}/{name}.csv",
            name=["points", "differences", "draws", "gates"],
        ),
    log:
        "<logs>/ablate/{task}.log",
    benchmark:
        "<benchmarks>/ablate/{task}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    params:
        settings=settings.compact(config["statistics"]),
        methods=lambda wildcards: settings.ordered(
            settings.groups_of(config, settings.ablation_entries(config, wildcards.task))
        ),
        variants=lambda wildcards: settings.variants(config, wildcards.task),
        weights=lambda wildcards: settings.compact(settings.lambda_grid(config, wildcards.task)),
        seeds=lambda wildcards: settings.seeds(config, wildcards.task),
        caption=config["data"]["caption"],
        runs=lambda wildcards, input: Path(input.points[0]).parents[3],
        folder=subpath(output[0], parent=True),
        code=digest("workflow.scripts.ablate"),
    shell:
        "python -m workflow.scripts.ablate --task {wildcards.task} --runs {params.runs}"
        " --methods {params.methods:q} --variants {params.variants} --weights {params.weights:q}"
        " --seeds {params.seeds} --settings {params.settings:q} --caption={params.caption:q}"
        " --out {params.folder} 2>&1 | tee {log}"


rule task_tables:
    input:
        runs=lambda wildcards: [
            path
            for name in [*RUN_TABLES, "trials"]
            for path in run_files(wildcards.task, config["compare"], f"{name}.csv")
        ],
        statistics=expand("<results>/statistics/{{task}}/{name}.csv", name=STATISTICS),
    output:
        "<results>/tasks/{task}/tables/glue.csv",
        "<results>/tasks/{task}/tables/glue.md",
        "<results>/tasks/{task}/figures/{task}.png",
        "<results>/tasks/{task}/claims.md",
    log:
        "<logs>/task_tables/{task}.log",
    benchmark:
        "<benchmarks>/task_tables/{task}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    params:
        caption=config["data"]["caption"],
        manifest=lambda wildcards: settings.ordered(settings.manifest(config, [wildcards.task])),
        results=subpath(output[0], ancestor=4),
        folder=subpath(output[0], ancestor=2),
        code=digest("workflow.scripts.task"),
    shell:
        "python -m workflow.scripts.task --results {params.results:q} --out {params.folder:q}"
        " --manifest {params.manifest:q} --caption={params.caption:q} 2>&1 | tee {log}"


# snakemake ablation_rte, snakemake task_rte, and so on for every task.
for task in TASKS:

    rule:
        name:
            f"ablation_{task}"
        input:
            f"<results>/ablations/{task}.md",

    rule:
        name:
            f"task_{task}"
        input:
            f"<results>/tasks/{task}/tables/glue.md",
