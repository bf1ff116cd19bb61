# From the runs' csv files: intervals and differences per task, then tables, figures and claims.
# Many paths travel in a file, `on_file`: a shell line has a limit.


rule compare:
    input:
        unpack(
            lambda wildcards: comparison_files(
                wildcards.task, entries.compared(config, wildcards.task)
            )
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
    params:
        files=lambda wildcards, input: files_options(input, "points", "trials", "traces"),
        settings=options.compact(config["statistics"]),
        folder=subpath(output[0], parent=True),
        code=digest("workflow.scripts.compare"),
    shell:
        "python -P -m workflow.scripts.compare --data {input.data} {params.files}"
        " --settings {params.settings:q} --out {params.folder} 2>&1 | tee {log}"


TABLES = [
    *expand("<results>/tables/{name}.{kind}", name=PAGES, kind=["csv", "md", "tex"]),
    *expand("<results>/tables/{name}.csv", name=TIDY),
]
DRAWN = ["glue", "points", "bands", "exits", "usage", "lengths"]  # tables that figures show
CLAIMS = ["<results>/claims.csv", "<results>/claims.md"]
EXPLORER = "<results>/explorer.html"
EXPLORER_PARTS = [  # what digests of Python code do not see
    f"{ROOT}/smartbert/report/vendor/plotly-basic.min.js",
    *sorted(str(path) for path in Path(ROOT, "smartbert/report/explorer_parts").iterdir()),
]
FIGURES = expand("<results>/figures/{name}.{kind}", name=plan.figures(config), kind=["png", "pdf"])
PARTIAL = [
    *("--results", config["results"], "--settings", options.compact(config["statistics"])),
    *shlex.split(report_options()),
]


rule tables:
    input:
        runs=compared_files(*(f"{name}.csv" for name in RUN_TABLES)),
        statistics=compared_statistics(),
        literature=f"{ROOT}/smartbert/report/literature.csv",
    output:
        [table_in_report(path) for path in TABLES],
        manifest="<results>/manifest.json",
    log:
        "<logs>/tables.log",
    benchmark:
        "<benchmarks>/tables.tsv"
    conda:
        "../../environment.yml"
    params:
        files=lambda wildcards, input: files_options(input, "runs", "statistics"),
        words=report_options(),
        results=subpath(output[0], ancestor=2),
        code=digest("workflow.scripts.tables"),
    shell:
        "python -P -m workflow.scripts.tables {params.files} {params.words} --out {params.results}"
        " 2>&1 | tee {log}"


rule figures:
    input:
        expand("<results>/tables/{name}.csv", name=DRAWN),
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
        files=lambda wildcards, input: files_options(input, "trials"),
        words=report_options(),
        results=subpath(output[0], ancestor=2),
        code=digest("workflow.scripts.figures"),
    shell:
        "python -P -m workflow.scripts.figures {params.files} {params.words} --cores {threads}"
        " --out {params.results} 2>&1 | tee {log}"


rule explorer:
    input:
        unpack(explorer_files),
        tables=expand("<results>/tables/{name}.csv", name=["glue", "bands", "curves"]),
        page=EXPLORER_PARTS,
    output:
        in_report(EXPLORER, "explorer", "Explorer", page="budgets and thresholds to be moved"),
    log:
        "<logs>/explorer.log",
    benchmark:
        "<benchmarks>/explorer.tsv"
    conda:
        "../../environment.yml"
    params:
        files=lambda wildcards, input: files_options(input, "points", "traces"),
        words=report_options(),
        seed=config["statistics"]["seed"],
        results=subpath(output[0], parent=True),
        code=digest("workflow.scripts.explorer"),
    shell:
        "python -P -m workflow.scripts.explorer {params.files} {params.words} --seed {params.seed}"
        " --out {params.results} 2>&1 | tee {log}"


# Not part of `all`: it is about the protocol, not about the methods.
rule choosing:
    input:
        unpack(choosing_files),
    output:
        "<results>/tables/choosing.csv",
        "<results>/tables/choosing.md",
    log:
        "<logs>/choosing.log",
    benchmark:
        "<benchmarks>/choosing.tsv"
    conda:
        "../../environment.yml"
    params:
        files=lambda wildcards, input: files_options(input, "points", "trials", "traces"),
        methods=CHOOSING,
        words=report_options(),
        results=subpath(output[0], ancestor=2),
        code=digest("workflow.scripts.choosing"),
    shell:
        "python -P -m workflow.scripts.choosing {params.files} --methods {params.methods}"
        " {params.words} --out {params.results} 2>&1 | tee {log}"


# Not part of `all`: what it finds is set in the config.
rule rates:
    input:
        unpack(rates_files),
    output:
        "<results>/tables/rates.csv",
        "<results>/tables/rates.md",
    log:
        "<logs>/rates.log",
    benchmark:
        "<benchmarks>/rates.tsv"
    conda:
        "../../environment.yml"
    params:
        traces=lambda wildcards, input: on_file(input.traces),
        words=rates_options(),
        results=subpath(output[0], ancestor=2),
        code=digest("workflow.scripts.rates"),
    shell:
        "python -P -m workflow.scripts.rates --traces {params.traces} --data {input.data}"
        " {params.words} --out {params.results} 2>&1 | tee {log}"


rule claims:
    input:
        statistics=compared_statistics(),
        gates="<results>/tables/gates.csv",
        ablations=ablation_parts(),
    output:
        in_report(CLAIMS[0], "claims", "Claims", table="claims with verdicts"),
        CLAIMS[1],
    log:
        "<logs>/claims.log",
    benchmark:
        "<benchmarks>/claims.tsv"
    conda:
        "../../environment.yml"
    params:
        files=lambda wildcards, input: files_options(input, "statistics", "ablations"),
        words=report_options(),
        results=subpath(output[0], parent=True),
        code=digest("workflow.scripts.claims"),
    shell:
        "python -P -m workflow.scripts.claims {params.files} {params.words} --out {params.results}"
        " 2>&1 | tee {log}"
