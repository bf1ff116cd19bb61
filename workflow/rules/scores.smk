# From traces to scores: thresholds chosen on tune, scores on test. No model runs, no torch.


# Entries whose traces are another's, under their own rule, without its gates, or without its exits.
rule read:
    input:
        read_files,
    output:
        tune="<results>/runs/{task}/{method}/seed{seed}/trace-tune.safetensors",
        test="<results>/runs/{task}/{method}/seed{seed}/trace-test.safetensors",
    log:
        "<logs>/record/{task}-{method}-{seed}.log",
    benchmark:
        "<benchmarks>/read/{task}-{method}-{seed}.tsv"
    wildcard_constraints:
        task=OWN_TASK,
        method="|".join(READ) or "(?!)",
    priority: 10
    conda:
        "../../environment.yml"
    params:
        folder=subpath(output.tune, parent=True),
        method=lambda wildcards: options.method_options(config, wildcards.method),
        code=lambda wildcards: method_digest("workflow.scripts.read", wildcards.method),
    shell:
        "python -P -m workflow.scripts.read {params.method} --traces {input} --out {params.folder}"
        " 2>&1 | tee {log}"


# Trainings that appear as one method (`group` in the config) are tuned and scored together.
rule tune:
    input:
        traces=trace_files("tune"),
        dense=f"<results>/runs/{{task}}/{REFERENCE}/seed{{seed}}/trace-tune.safetensors",
        data=rules.task_data.output.record,
    output:
        points="<results>/runs/{task}/{method}/seed{seed}/points.json",
        trials="<results>/runs/{task}/{method}/seed{seed}/trials.csv",
    log:
        "<logs>/tune/{task}-{method}-{seed}.log",
    benchmark:
        "<benchmarks>/tune/{task}-{method}-{seed}.tsv"
    wildcard_constraints:
        method=AS_ONE,
    priority: 10
    conda:
        "../../environment.yml"
    params:
        words=lambda wildcards: tuning_options(wildcards.method),
        code=digest("workflow.scripts.tune"),
    shell:
        "python -P -m workflow.scripts.tune --seed {wildcards.seed} {params.words}"
        " --traces {input.traces} --dense {input.dense} --data {input.data} --code {params.code}"
        " --points {output.points} --trials {output.trials} 2>&1 | tee {log}"


rule evaluate:
    input:
        points=rules.tune.output.points,
        traces=trace_files("test"),
        data=rules.task_data.output.record,
    output:
        expand("<results>/runs/{{task}}/{{method}}/seed{{seed}}/{name}.csv", name=RUN_TABLES),
    log:
        "<logs>/evaluate/{task}-{method}-{seed}.log",
    benchmark:
        "<benchmarks>/evaluate/{task}-{method}-{seed}.tsv"
    wildcard_constraints:
        method=AS_ONE,
    priority: 10
    conda:
        "../../environment.yml"
    params:
        folder=subpath(output[0], parent=True),
        code=digest("workflow.scripts.evaluate"),
    shell:
        "python -P -m workflow.scripts.evaluate --data {input.data} --points {input.points}"
        " --traces {input.traces} --out {params.folder} 2>&1 | tee {log}"
