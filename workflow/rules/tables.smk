# From the runs' csv files: intervals and differences per task, then tables, figures and claims.
# Many paths travel in a file, `on_file`: a shell line has a limit.


rule compare:
    input:
        points=lambda wildcards: run_files(wildcards.task, config["compare"], "points.json"),
        traces=lambda wildcards: member_files(
            wildcards.task, config["compare"], "trace-test.safetensors"
        ),
        data=rules.task_data.output.record,
    output:
        expand("<results>/statistics/{{task}}/{name}.csv", name=STATISTICS),
    log:
        "<logs>/compare/{task}.log",
    benchmark:
        "<benchmarks>/compare/{task}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    params:
        traces=lambda wildcards, input: on_file(input.traces),
        points=lambda wildcards, input: on_file(input.points),
        settings=options.compact(config["statistics"]),
        folder=subpath(output[0], parent=True),
        code=digest("workflow.scripts.compare"),
    shell:
        "python -P -m workflow.scripts.compare --data {input.data}"
        " --points {params.points} --traces {params.traces}"
        " --settings {params.settings:q} --out {params.folder} 2>&1 | tee {log}"


TABLES = [
    *expand("<results>/tables/{name}.{kind}", name=PAGES, kind=["csv", "md", "tex"]),
    *expand("<results>/tables/{name}.csv", name=TIDY),
]
CLAIMS = ["<results>/claims.csv", "<results>/claims.md"]
FIGURES = expand("<results>/figures/{name}.{kind}", name=plan.figures(config), kind=["png", "pdf"])
MANIFEST = on_file(options.ordered(plan.manifest(config)))
PARTIAL = [
    *("--results", config["results"], "--manifest", MANIFEST),
    *("--settings", options.compact(config["statistics"]), "--caption", config["data"]["caption"]),
]


rule tables:
    input:
        runs=compared_files(*(f"{name}.csv" for name in RUN_TABLES)),
        statistics=expand(
            "<results>/statistics/{task}/{name}.csv", task=config["tasks"], name=STATISTICS
        ),
        literature=f"{ROOT}/smartbert/report/literature.csv",
    output:
        [
            (
                in_report(path, "tables", "Tables", table=PAGE_TITLES[Path(path).stem])
                if path.endswith(".csv") and Path(path).stem in PAGE_TITLES
                else path
            )
            for path in TABLES
        ],
    log:
        "<logs>/tables.log",
    benchmark:
        "<benchmarks>/tables.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    params:
        statistics=lambda wildcards, input: on_file(input.statistics),
        runs=lambda wildcards, input: on_file(input.runs),
        caption=config["data"]["caption"],
        manifest=MANIFEST,
        results=subpath(output[0], ancestor=2),
        code=digest("workflow.scripts.tables"),
    shell:
        "python -P -m workflow.scripts.tables --runs {params.runs}"
        " --statistics {params.statistics} --manifest {params.manifest}"
        " --caption={params.caption:q} --out {params.results:q} 2>&1 | tee {log}"


rule figures:
    input:
        expand(
            "<results>/tables/{name}.csv",
            name=["glue", "points", "bands", "exits", "usage", "lengths"],
        ),
        trials=first_trials(),
    output:
        [figure_in_report(name) for name in plan.figures(config)],
        expand("<results>/figures/{name}.pdf", name=plan.figures(config)),
    log:
        "<logs>/figures.log",
    benchmark:
        "<benchmarks>/figures.tsv"
    conda:
        "../../environment.yml"
    threads: 4
    params:
        trials=lambda wildcards, input: on_file(input.trials),
        caption=config["data"]["caption"],
        manifest=MANIFEST,
        results=subpath(output[0], ancestor=2),
        code=digest("workflow.scripts.figures"),
    shell:
        "python -P -m workflow.scripts.figures --trials {params.trials}"
        " --manifest {params.manifest} --caption={params.caption:q} --cores {threads}"
        " --out {params.results:q} 2>&1 | tee {log}"


rule claims:
    input:
        statistics=rules.tables.input.statistics,
        gates="<results>/tables/gates.csv",
        ablations=expand(
            "<results>/ablations/{task}/{name}.csv",
            task=config["ablations"]["tasks"],
            name=ABLATION_PARTS,
        ),
    output:
        in_report(CLAIMS[0], "claims", "Claims", table="claims with verdicts"),
        CLAIMS[1],
    log:
        "<logs>/claims.log",
    benchmark:
        "<benchmarks>/claims.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    params:
        ablations=lambda wildcards, input: on_file(input.ablations),
        statistics=lambda wildcards, input: on_file(input.statistics),
        caption=config["data"]["caption"],
        manifest=MANIFEST,
        results=subpath(output[0], parent=True),
        code=digest("workflow.scripts.claims"),
    shell:
        "python -P -m workflow.scripts.claims --statistics {params.statistics}"
        " --ablations {params.ablations} --manifest {params.manifest}"
        " --caption={params.caption:q} --out {params.results:q} 2>&1 | tee {log}"
