# One run = one method on one task with one seed: train it, record its traces.
rule train:
    input:
        fit=rules.task_data.output.fit,
        tune=rules.task_data.output.tune,
        record=rules.task_data.output.record,
        backbone=rules.backbone.output.weights,
        parent=parent_weights,
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
        settings=lambda wildcards: settings.compact(
            settings.method_settings(config, wildcards.task, wildcards.method)
        ),
        data=subpath(input.record, parent=True),
        backbone=subpath(input.backbone, parent=True),
        folder=subpath(output.weights, parent=True),
        parent=lambda wildcards, input: (
            f"--parent {os.path.dirname(input.parent)}" if input.parent else ""
        ),
        method=lambda wildcards: settings.method_options(config, wildcards.method),
        code=lambda wildcards: digest(
            "workflow.scripts.train", settings.module(config, wildcards.method)
        ),
    shell:
        "python -m workflow.scripts.train --task {wildcards.task} {params.method}"
        " --seed {wildcards.seed} --settings {params.settings:q} --data {params.data}"
        " --backbone {params.backbone} {params.parent} --code {params.code} --out {params.folder}"
        " 2>&1 | tee {log}"


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
    conda:
        "../../environment.yml"
    threads: 1
    params:
        settings=settings.compact(config["recording"]),
        data=subpath(input.test, parent=True),
        folder=subpath(input.weights, parent=True),
        method=lambda wildcards: settings.method_options(config, wildcards.method),
        code=lambda wildcards: digest(
            "workflow.scripts.record", settings.module(config, wildcards.method)
        ),
    shell:
        "python -m workflow.scripts.record --model {params.folder} {params.method}"
        " --data {params.data} --settings {params.settings:q} --out {params.folder}"
        " 2>&1 | tee {log}"
