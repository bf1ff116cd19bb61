# Tables and figures, from the csv files of all runs only.
TABLES = expand("<results>/tables/glue.{kind}", kind=["csv", "md"])
FIGURES = expand(
    "<results>/figures/{name}.{kind}", name=[*config["tasks"], "glue"], kind=["png", "pdf"]
)


rule tables:
    input:
        scores=[
            f"<results>/runs/{task}/{method}/seed{seed}/scores.csv"
            for task in config["tasks"]
            for method in config["compare"]
            for seed in settings.seeds(config, task)
        ],
    output:
        csv="<results>/tables/glue.csv",
        markdown="<results>/tables/glue.md",
    log:
        "<logs>/tables.log",
    benchmark:
        "<benchmarks>/tables.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    params:
        caption=config["data"]["caption"],
        code=digest("workflow.scripts.tables"),
    shell:
        "python -m workflow.scripts.tables --scores {input.scores} --caption {params.caption:q}"
        " --csv {output.csv} --markdown {output.markdown} 2>&1 | tee {log}"


rule figures:
    input:
        table=rules.tables.output.csv,
    output:
        FIGURES,
    log:
        "<logs>/figures.log",
    benchmark:
        "<benchmarks>/figures.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    params:
        caption=config["data"]["caption"],
        folder=subpath(output[0], parent=True),
        code=digest("workflow.scripts.figures"),
    shell:
        "python -m workflow.scripts.figures --table {input.table} --caption {params.caption:q}"
        " --out {params.folder} 2>&1 | tee {log}"
