# One run = one method on one task with one seed: train, record its traces; then tune and score it.
# Trainings that appear as one method (`group` in the config) are tuned and scored together.
rule train:
    input:
        fit=rules.task_data.output.fit,
        tune=rules.task_data.output.tune,
        record=rules.task_data.output.record,
        backbone=rules.backbone.output.weights,
        parent=parent_weights,
    output:
        weights="<results>/runs/{task}/{method}/seed{seed}/model.safetensors",
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
        " --backbone {params.backbone} {params.parent} --out {params.folder}"
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
    conda:
        "../../environment.yml"
    threads: 1
    params:
        members=lambda wildcards: settings.member_options(config, shown(wildcards.method)),
        title=lambda wildcards: settings.title_option(config, wildcards.method),
        settings=settings.compact(config["tuning"]),
        convention=config["cost"]["convention"],
        run=os.path.basename(config["results"]),
        code=digest("workflow.scripts.tune"),
    shell:
        "python -m workflow.scripts.tune --task {wildcards.task} --method {wildcards.method}"
        " --seed {wildcards.seed} --run {params.run:q} {params.members} {params.title}"
        " --traces {input.traces} --dense {input.dense} --data {input.data}"
        " --convention {params.convention} --settings {params.settings:q}"
        " --points {output.points} --trials {output.trials} 2>&1 | tee {log}"


rule evaluate:
    input:
        points=rules.tune.output.points,
        traces=trace_files("test"),
    output:
        scores="<results>/runs/{task}/{method}/seed{seed}/scores.csv",
        curve="<results>/runs/{task}/{method}/seed{seed}/curve.csv",
        exits="<results>/runs/{task}/{method}/seed{seed}/exits.csv",
        gates="<results>/runs/{task}/{method}/seed{seed}/gates.csv",
        usage="<results>/runs/{task}/{method}/seed{seed}/usage.csv",
        lengths="<results>/runs/{task}/{method}/seed{seed}/lengths.csv",
    log:
        "<logs>/evaluate/{task}-{method}-{seed}.log",
    benchmark:
        "<benchmarks>/evaluate/{task}-{method}-{seed}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    params:
        folder=subpath(output.scores, parent=True),
        code=digest("workflow.scripts.evaluate"),
    shell:
        "python -m workflow.scripts.evaluate --points {input.points} --traces {input.traces}"
        " --out {params.folder} 2>&1 | tee {log}"
