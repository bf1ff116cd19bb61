# Backbone, task data and hidden test splits: the only three rules that may use the network.
rule backbone:
    output:
        config="<results>/backbone/config.json",
        weights="<results>/backbone/model.safetensors",
        tokenizer="<results>/backbone/tokenizer.json",
        tokenizer_config="<results>/backbone/tokenizer_config.json",
    log:
        "<logs>/backbone.log",
    benchmark:
        "<benchmarks>/backbone.tsv"
    conda:
        "../../environment.yml"
    params:
        path=config["backbone"]["path"],
        max_length=config["data"]["max_length"],
        folder=subpath(output.config, parent=True),
        code=digest("workflow.scripts.backbone", "smartbert.data.backbones"),
    shell:
        "python -P -m workflow.scripts.backbone --path {params.path:q} --out {params.folder}"
        " --max-length {params.max_length} 2>&1 | tee {log}"


rule task_data:
    input:
        files=lambda wildcards: data_layout(wildcards.task).inputs,
        tokenizer=rules.backbone.output.tokenizer,
    output:
        fit="<results>/data/{task}/fit.parquet",
        tune="<results>/data/{task}/tune.parquet",
        test="<results>/data/{task}/test.parquet",
        record="<results>/data/{task}/task.json",
    log:
        "<logs>/task_data/{task}.log",
    benchmark:
        "<benchmarks>/task_data/{task}.tsv"
    priority: 10
    conda:
        "../../environment.yml"
    params:
        settings=lambda wildcards: options.compact(options.data_settings(config, wildcards.task)),
        said=lambda wildcards: options.compact(data_layout(wildcards.task).said),
        task=lambda wildcards: options.ordered(TASKS[wildcards.task]),
        code=options.data_digest(config),
    shell:
        "python -P -m workflow.scripts.task_data --task {params.task:q} --settings {params.settings:q}"
        " --tokenizer {input.tokenizer} --fit {output.fit} --tune {output.tune}"
        " --test {output.test} --record {output.record} 2>&1 | tee {log}"


# Examples whose labels are not public, for GLUE's leaderboard; part of nothing else.
rule hidden_data:
    input:
        lambda wildcards: hidden_layout(wildcards.sheet).inputs,
    output:
        "<results>/submission/data/{sheet}.parquet",
    log:
        "<logs>/hidden_data/{sheet}.log",
    benchmark:
        "<benchmarks>/hidden_data/{sheet}.tsv"
    priority: 20  # before any training: data that lack such a split are told so at once
    conda:
        "../../environment.yml"
    params:
        path=config["data"]["path"],
        said=lambda wildcards: options.compact(hidden_layout(wildcards.sheet).said),
        code=digest("workflow.scripts.hidden_data"),
    shell:
        "python -P -m workflow.scripts.hidden_data --sheet {wildcards.sheet} --path {params.path:q}"
        " --out {output} 2>&1 | tee {log}"
