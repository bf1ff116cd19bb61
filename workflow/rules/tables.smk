# From the runs' csv files: intervals and differences per task, then tables, figures and claims.


rule compare:
    input:
        points=lambda wildcards: run_files(wildcards.task, config["compare"], "points.json"),
        traces=lambda wildcards: member_files(
            wildcards.task, config["compare"], "trace-test.safetensors"
        ),
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
        settings=settings.compact(config["statistics"]),
        methods=settings.ordered(settings.groups_of(config, config["compare"])),
        seeds=lambda wildcards: settings.seeds(config, wildcards.task),
        runs=lambda wildcards, input: Path(input.points[0]).parents[3],
        folder=subpath(output[0], parent=True),
        code=digest("workflow.scripts.compare"),
    shell:
        "python -m workflow.scripts.compare --task {wildcards.task} --runs {params.runs}"
        " --methods {params.methods:q} --seeds {params.seeds} --settings {params.settings:q}"
        " --out {params.folder} 2>&1 | tee {log}"


PAGES = ["glue", "sweep", "curves", "auc", "differences", "exits", "gates", "published"]
TABLES = [
    *expand("<results>/tables/{name}.{kind}", name=PAGES, kind=["csv", "md", "tex"]),
    *expand("<results>/tables/{name}.csv", name=["points", "bands", "usage", "lengths"]),
]
CLAIMS = ["<results>/claims.csv", "<results>/claims.md"]
FIGURES = expand(
    "<results>/figures/{name}.{kind}", name=settings.figures(config), kind=["png", "pdf"]
)
MANIFEST = settings.manifest(config)
PARTIAL = [
    *("--results", config["results"], "--manifest", settings.ordered(MANIFEST)),
    *("--settings", settings.compact(config["statistics"]), "--caption", config["data"]["caption"]),
]


rule tables:
    input:
        runs=[compared_files(f"{name}.csv") for name in RUN_TABLES],
        statistics=expand(
            "<results>/statistics/{task}/{name}.csv", task=config["tasks"], name=STATISTICS
        ),
        literature=f"{workflow.basedir}/smartbert/literature.csv",
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
        caption=config["data"]["caption"],
        manifest=settings.ordered(MANIFEST),
        results=subpath(output[0], ancestor=2),
        code=digest("workflow.scripts.tables"),
    shell:
        "python -m workflow.scripts.tables --results {params.results:q}"
        " --manifest {params.manifest:q} --caption={params.caption:q} 2>&1 | tee {log}"


rule figures:
    input:
        expand(
            "<results>/tables/{name}.csv",
            name=["glue", "points", "bands", "exits", "usage", "lengths"],
        ),
        trials=compared_files("trials.csv"),
    output:
        [figure_in_report(name) for name in settings.figures(config)],
        expand("<results>/figures/{name}.pdf", name=settings.figures(config)),
    log:
        "<logs>/figures.log",
    benchmark:
        "<benchmarks>/figures.tsv"
    conda:
        "../../environment.yml"
    threads: 4
    params:
        caption=config["data"]["caption"],
        manifest=settings.ordered(MANIFEST),
        results=subpath(output[0], ancestor=2),
        code=digest("workflow.scripts.figures"),
    shell:
        "python -m workflow.scripts.figures --results {params.results:q}"
        " --manifest {params.manifest:q} --caption={params.caption:q} --cores {threads} 2>&1 | tee {log}"


rule claims:
    input:
        statistics=rules.tables.input.statistics,
        glue="<results>/tables/glue.csv",
        gates="<results>/tables/gates.csv",
        ablations=ABLATED,
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
        caption=config["data"]["caption"],
        manifest=settings.ordered(MANIFEST),
        results=subpath(output[0], parent=True),
        code=digest("workflow.scripts.claims"),
    shell:
        "python -m workflow.scripts.claims --results {params.results:q}"
        " --manifest {params.manifest:q} --caption={params.caption:q} 2>&1 | tee {log}"
