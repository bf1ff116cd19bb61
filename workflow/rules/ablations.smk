# Variants of SmartBERT against itself, a task at a time; and an alias for each task's main results.
ABLATED = [f"<results>/ablations/{task}.md" for task in config["ablations"]["tasks"]]


rule ablate:
    input:
        points=lambda wildcards: run_files(
            wildcards.task, plan.ablation_entries(config, wildcards.task), "points.json"
        ),
        traces=lambda wildcards: member_files(
            wildcards.task,
            plan.ablation_entries(config, wildcards.task),
            "trace-test.safetensors",
        ),
        data=rules.task_data.output.record,
    output:
        expand("<results>/ablations/{{task}}.{kind}", kind=["csv", "md", "tex", "pdf"]),
        in_report("<results>/ablations/{task}.png", "ablation", "Ablations", task="{task}"),
        expand("<results>/ablations/{{task}}-lambda.{kind}", kind=["csv", "pdf"]),
        in_report(
            "<results>/ablations/{task}-lambda.png", "ablation", "Ablations", task="{task}, lambda"
        ),
        expand(
            "<results>/ablations/{{task}}/{name}.csv",
            name=ABLATION_PARTS,
        ),
    log:
        "<logs>/ablate/{task}.log",
    benchmark:
        "<benchmarks>/ablate/{task}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    params:
        traces=lambda wildcards, input: on_file(input.traces),
        points=lambda wildcards, input: on_file(input.points),
        settings=options.compact(config["statistics"]),
        manifest=lambda wildcards: manifest_file(
            wildcards.task, names=plan.ablation_entries(config, wildcards.task)
        ),
        variants=lambda wildcards: plan.variants(config, wildcards.task),
        weights=lambda wildcards: options.compact(plan.lambda_grid(config, wildcards.task)),
        caption=config["data"]["caption"],
        results=subpath(output[0], ancestor=2),
        code=digest("workflow.scripts.ablate"),
    shell:
        "python -P -m workflow.scripts.ablate --data {input.data}"
        " --points {params.points} --traces {params.traces}"
        " --manifest {params.manifest} --variants {params.variants} --weights {params.weights:q}"
        " --settings {params.settings:q} --caption={params.caption:q} --out {params.results}"
        " 2>&1 | tee {log}"


rule task_tables:
    input:
        runs=lambda wildcards: compared_files(
            *(f"{name}.csv" for name in [*RUN_TABLES, "trials"]), tasks=[wildcards.task]
        ),
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
        statistics=lambda wildcards, input: on_file(input.statistics),
        runs=lambda wildcards, input: on_file(input.runs),
        caption=config["data"]["caption"],
        manifest=lambda wildcards: manifest_file(wildcards.task),
        folder=subpath(output[0], ancestor=2),
        code=digest("workflow.scripts.task"),
    shell:
        "python -P -m workflow.scripts.task --runs {params.runs}"
        " --statistics {params.statistics} --manifest {params.manifest}"
        " --caption={params.caption:q} --out {params.folder:q} 2>&1 | tee {log}"


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
