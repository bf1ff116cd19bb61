# One run = one method on one task with one seed: train it, record its traces.
rule train:
    input:
        fit=rules.task_data.output.fit,
        tune=rules.task_data.output.tune,
        record=rules.task_data.output.record,
        backbone=rules.backbone.output,
        parent=model_files("continues"),
        teacher=model_files("teacher"),
    output:
        weights=model_file("<results>/runs/{task}/{method}/seed{seed}/model.safetensors"),
        config="<results>/runs/{task}/{method}/seed{seed}/config.json",
        tokenizer="<results>/runs/{task}/{method}/seed{seed}/tokenizer.json",
        tokenizer_config="<results>/runs/{task}/{method}/seed{seed}/tokenizer_config.json",
        history="<results>/runs/{task}/{method}/seed{seed}/history.csv",
        provenance="<results>/runs/{task}/{method}/seed{seed}/provenance.json",
    log:
        "<logs>/train/{task}-{method}-{seed}.log",
    benchmark:
        "<benchmarks>/train/{task}-{method}-{seed}.tsv"
    conda:
        "../../environment.yml"
    threads: config["resources"]["threads"]
    params:
        settings=lambda wildcards: options.compact(
            entries.method_settings(config, wildcards.task, wildcards.method)
        ),
        backbone=lambda wildcards, input: os.path.dirname(input.backbone[0]),
        folder=subpath(output.weights, parent=True),
        parent=lambda wildcards, input: folder_option("parent", input.parent),
        teacher=lambda wildcards, input: folder_option("teacher", input.teacher),
        method=lambda wildcards: options.method_options(config, wildcards.method),
        code=lambda wildcards: digest(
            "workflow.scripts.train", entries.module(config, wildcards.method)
        ),
    shell:
        "python -P -m workflow.scripts.train {params.method} --seed {wildcards.seed}"
        " --settings {params.settings:q} --data {input.record} --fit {input.fit}"
        " --tune {input.tune} --backbone {params.backbone} {params.parent} {params.teacher}"
        " --code {params.code} --out {params.folder} 2>&1 | tee {log}"


rule record:
    input:
        weights=rules.train.output.weights,
        config=rules.train.output.config,
        provenance=rules.train.output.provenance,
        tune=rules.task_data.output.tune,
        test=rules.task_data.output.test,
    output:
        tune="<results>/runs/{task}/{method}/seed{seed}/trace-tune.safetensors",
        test="<results>/runs/{task}/{method}/seed{seed}/trace-test.safetensors",
    log:
        "<logs>/record/{task}-{method}-{seed}.log",
    benchmark:
        "<benchmarks>/record/{task}-{method}-{seed}.tsv"
    wildcard_constraints:
        method="|".join(name for name in config["methods"] if name not in READ),
    conda:
        "../../environment.yml"
    threads: 1
    params:
        settings=options.compact(config["recording"]),
        folder=subpath(input.weights, parent=True),
        method=lambda wildcards: options.method_options(config, wildcards.method),
        code=lambda wildcards: digest(
            "workflow.scripts.record", entries.module(config, wildcards.method)
        ),
    shell:
        "python -P -m workflow.scripts.record --model {params.folder} {params.method}"
        " --tune {input.tune} --test {input.test} --settings {params.settings:q}"
        " --out {params.folder} 2>&1 | tee {log}"


# Entries whose traces are another's, under their own rule, without its gates, or without its exits.
rule read:
    input:
        lambda wildcards: expand(
            "<results>/runs/{task}/{method}/seed{seed}/trace-{split}.safetensors",
            task=wildcards.task,
            method=READ[wildcards.method],
            seed=wildcards.seed,
            split=["tune", "test"],
        ),
    output:
        tune="<results>/runs/{task}/{method}/seed{seed}/trace-tune.safetensors",
        test="<results>/runs/{task}/{method}/seed{seed}/trace-test.safetensors",
    log:
        "<logs>/record/{task}-{method}-{seed}.log",
    benchmark:
        "<benchmarks>/read/{task}-{method}-{seed}.tsv"
    wildcard_constraints:
        method="|".join(READ) or "(?!)",
    conda:
        "../../environment.yml"
    threads: 1
    params:
        folder=subpath(output.tune, parent=True),
        method=lambda wildcards: options.method_options(config, wildcards.method),
        code=lambda wildcards: digest(
            "workflow.scripts.read", entries.module(config, wildcards.method)
        ),
    shell:
        "python -P -m workflow.scripts.read {params.method} --traces {input} --out {params.folder}"
        " 2>&1 | tee {log}"
