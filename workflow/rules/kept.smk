# Runs whose traces are kept where `traces_from` says, with what their trainings were made of. Beside
# runs that are trained here they are held against the data first.
rule kept:
    input:
        tune=f"{config['traces_from']}/runs/{{task}}/{{method}}/seed{{seed}}/trace-tune.safetensors.gz",
        test=f"{config['traces_from']}/runs/{{task}}/{{method}}/seed{{seed}}/trace-test.safetensors.gz",
        provenance=kept_provenance,
        data=[] if KEPT_RUNS.complete else rules.task_data.output.record,
        backbone=[] if KEPT_RUNS.complete else rules.backbone.output.weights,
    output:
        tune="<results>/runs/{task}/{method}/seed{seed}/trace-tune.safetensors",
        test="<results>/runs/{task}/{method}/seed{seed}/trace-test.safetensors",
        provenance="<results>/runs/{task}/{method}/seed{seed}/kept.json",
    log:
        "<logs>/record/{task}-{method}-{seed}.log",
    wildcard_constraints:
        task=KEPT_TASK,
    priority: 10
    conda:
        "../../environment.yml"
    params:
        check=lambda wildcards, input: check_command(input),
    shell:
        "({params.check} && gzip -dc {input.tune} > {output.tune}"
        " && gzip -dc {input.test} > {output.test} && cp {input.provenance} {output.provenance})"
        " 2>&1 | tee {log}"
