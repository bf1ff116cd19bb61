# One run = one method on one task with one seed: train it, record its traces.
rule train:
    input:
        fit=rules.task_data.output.fit,
        tune=rules.task_data.output.tune,
        record=rules.task_data.output.record,
        backbone=rules.backbone.output,
        parent=model_files("continues"),
        teacher=model_files("teacher"),
        # A cache of what backbone, parent and data say: its date decides nothing.
        states=ancient(states_files),
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
    wildcard_constraints:
        method=TRAINED,
    priority: turn
    conda:
        "../../environment.yml"
    threads: config["resources"]["threads"]
    # Of text, which limits no jobs: what decides no number is kept out of params.
    resources:
        checkpoint_minutes=str(config["resources"]["checkpoint_minutes"]),
    params:
        words=lambda wildcards: options.training_options(config, wildcards.task, wildcards.method),
        start=lambda wildcards, input: folder_options(input, "backbone", "parent", "teacher"),
        states=lambda wildcards, input: states_option(input),
        folder=subpath(output.weights, parent=True),
        code=lambda wildcards: method_digest("workflow.scripts.train", wildcards.method),
    shell:
        "python -P -m workflow.scripts.train {params.words} --seed {wildcards.seed}"
        " --data {input.record} --fit {input.fit} --tune {input.tune} {params.start} {params.states}"
        " --checkpoint-minutes {resources.checkpoint_minutes}"
        " --code {params.code} --out {params.folder} 2>&1 | tee {log}"


# What exits read of frozen layers, computed once for every training of heads that continues them.
rule states:
    input:
        weights=rules.train.output.weights,
        config=rules.train.output.config,
        provenance=rules.train.output.provenance,
        record=rules.task_data.output.record,
        fit=rules.task_data.output.fit,
    output:
        record=temp("<results>/runs/{task}/{method}/seed{seed}/states-{gating}.json"),
        states=temp("<results>/runs/{task}/{method}/seed{seed}/states-{gating}.bin"),
    log:
        "<logs>/states/{task}-{method}-{seed}-{gating}.log",
    benchmark:
        "<benchmarks>/states/{task}-{method}-{seed}-{gating}.tsv"
    wildcard_constraints:
        method=TRAINED,
        gating="off|hard",
    priority: turn
    conda:
        "../../environment.yml"
    threads: config["resources"]["threads"]
    resources:
        states_gb=str(config["resources"]["states_gb"]),
    params:
        folder=subpath(input.weights, parent=True),
        precision=lambda wildcards: entries.method_settings(
            config, wildcards.task, wildcards.method
        )["precision"],
        code=lambda wildcards: method_digest("workflow.scripts.states", wildcards.method),
    shell:
        "python -P -m workflow.scripts.states --model {params.folder} --gating {wildcards.gating}"
        " --precision {params.precision} --data {input.record} --fit {input.fit}"
        " --limit {resources.states_gb} --states {output.states} --record {output.record}"
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
    wildcard_constraints:
        task=OWN_TASK,
        method=RECORDED,
    priority: 10  # before the next training: what is recorded is done, and its weights can go
    conda:
        "../../environment.yml"
    threads: config["recording"]["threads"]
    params:
        settings=options.compact(config["recording"]),
        folder=subpath(input.weights, parent=True),
        method=lambda wildcards: options.method_options(config, wildcards.method),
        code=lambda wildcards: method_digest("workflow.scripts.record", wildcards.method),
    shell:
        "python -P -m workflow.scripts.record --model {params.folder} {params.method}"
        " --tune {input.tune} --test {input.test} --settings {params.settings:q}"
        " --out {params.folder} 2>&1 | tee {log}"
