# Variants of SmartBERT against itself, a task at a time; and an alias for each task's main results.
ABLATION_PAGE = [
    *expand("<results>/ablations/{{task}}.{kind}", kind=["csv", "md", "tex", "pdf"]),
    *expand("<results>/ablations/{{task}}-lambda.{kind}", kind=["csv", "pdf"]),
    *expand("<results>/ablations/{{task}}/{name}.csv", name=ABLATION_PARTS),
]
ABLATED = [f"<results>/ablations/{task}.md" for task in config["ablations"]["tasks"]]


rule ablate:
    input:
        unpack(ablation_inputs),
        data=rules.task_data.output.record,
    output:
        ABLATION_PAGE,
        in_report("<results>/ablations/{task}.png", "ablation", "Ablations", task="{task}"),
        in_report("<results>/ablations/{task}-lambda.png", "ablation", "Ablations", task="{task}"),
    log:
        "<logs>/ablate/{task}.log",
    benchmark:
        "<benchmarks>/ablate/{task}.tsv"
    conda:
        "../../environment.yml"
    params:
        files=lambda wildcards, input: files_options(input, "points", "trials", "traces"),
        words=lambda wildcards: ablation_options(wildcards.task),
        results=subpath(output[0], ancestor=2),
        code=digest("workflow.scripts.ablate"),
    shell:
        "python -P -m workflow.scripts.ablate --data {input.data} {params.files} {params.words}"
        " --out {params.results} 2>&1 | tee {log}"


rule task_tables:
    input:
        runs=lambda wildcards: compared_files(
            *(f"{name}.csv" for name in [*RUN_TABLES, "trials"]), tasks=[wildcards.task]
        ),
        statistics=expand("<results>/statistics/{{task}}/{name}.csv", name=STATISTICS),
        literature=f"{ROOT}/smartbert/report/literature.csv",
    output:
        "<results>/tasks/{task}/tables/glue.md",
        "<results>/tasks/{task}/figures/{task}.png",
        "<results>/tasks/{task}/claims.md",
    log:
        "<logs>/task_tables/{task}.log",
    benchmark:
        "<benchmarks>/task_tables/{task}.tsv"
    conda:
        "../../environment.yml"
    params:
        files=lambda wildcards, input: files_options(input, "runs", "statistics"),
        words=lambda wildcards: report_options([wildcards.task]),
        folder=subpath(output[0], ancestor=2),
        code=digest("workflow.scripts.task"),
    shell:
        "python -P -m workflow.scripts.task {params.files} {params.words} --out {params.folder}"
        " 2>&1 | tee {log}"


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
