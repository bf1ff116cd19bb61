# Tables and figures, from the csv files of all runs only.
TABLES = expand(
    "<results>/tables/{name}.{kind}", name=["glue", "exits", "gates"], kind=["csv", "md"]
)
FIGURES = expand(
    "<results>/figures/{name}.{kind}", name=[*config["tasks"], "glue", "exits"], kind=["png", "pdf"]
)


rule tables:
    input:
        scores=run_files(config, "scores.csv"),
        exits=run_files(config, "exits.csv"),
        gates=run_files(config, "gates.csv"),
    output:
        csv="<results>/tables/glue.csv",
        markdown="<results>/tables/glue.md",
        exits_csv="<results>/tables/exits.csv",
        exits_markdown="<results>/tables/exits.md",
        gates_csv="<results>/tables/gates.csv",
        gates_markdown="<results>/tables/gates.md",
    log:
        "<logs>/tables.log",
    benchmark:
        "<benchmarks>/tables.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    params:
        caption=config["data"]["caption"],
        folder=subpath(output.csv, parent=True),
        code=digest("workflow.scripts.tables"),
    shell:
        "python -m workflow.scripts.tables --scores {input.scores} --exits {input.exits}"
        " --gates {input.gates} --caption {params.caption:q} --out {params.folder} 2>&1 | tee {log}"


rule figures:
    input:
        table=rules.tables.output.csv,
        exits=rules.tables.output.exits_csv,
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
        "python -m workflow.scripts.figures --table {input.table} --exits {input.exits} --caption {params.caption:q}"
        " --out {params.folder} 2>&1 | tee {log}"
