# Backbone and task data: the only two rules that may use the network.
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
    threads: 1
    params:
        path=config["backbone"]["path"],
        folder=subpath(output.config, parent=True),
        code=digest("workflow.scripts.backbone", "smartbert.backbones"),
    shell:
        "python -m workflow.scripts.backbone --path {params.path:q} --out {params.folder}"
        " 2>&1 | tee {log}"


rule task_data:
    input:
        files=lambda wildcards: settings.data_files(config, wildcards.task),
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
    conda:
        "../../environment.yml"
    threads: 1
    params:
        settings=lambda wildcards: settings.compact(settings.data_settings(config, wildcards.task)),
        folder=subpath(output.record, parent=True),
        code=settings.data_digest(config),
    shell:
        "python -m workflow.scripts.task_data --task {wildcards.task} --settings {params.settings:q}"
        " --tokenizer {input.tokenizer} --out {params.folder} 2>&1 | tee {log}"
