# Entries that another code base has run: their traces are checked, and taken as they are.
rule foreign:
    input:
        traces=foreign_files,
        reference=expand(
            f"<results>/runs/{{{{task}}}}/{REFERENCE}/seed{{{{seed}}}}/trace-{{split}}.safetensors",
            split=TRACES,
        ),
    output:
        tune="<results>/runs/{task}/{method}/seed{seed}/trace-tune.safetensors",
        test="<results>/runs/{task}/{method}/seed{seed}/trace-test.safetensors",
    log:
        "<logs>/record/{task}-{method}-{seed}.log",
    benchmark:
        "<benchmarks>/foreign/{task}-{method}-{seed}.tsv"
    wildcard_constraints:
        method=FOREIGN,
    priority: 10
    conda:
        "../../environment.yml"
    params:
        folder=subpath(output.tune, parent=True),
        title=lambda wildcards: options.title_option(config, wildcards.method),
        code=digest("workflow.scripts.foreign"),
    shell:
        "python -P -m workflow.scripts.foreign --name {wildcards.method} {params.title}"
        " --traces {input.traces} --reference {input.reference} --out {params.folder}"
        " 2>&1 | tee {log}"
