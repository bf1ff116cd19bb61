# In place of data and runs, where `traces_from` names a folder of kept traces: take them from there.
# Everything after them is as in any other run, and nothing needs a model, data or torch.
rule task_data:
    input:
        f"{config['traces_from']}/data/{{task}}/task.json",
    output:
        record="<results>/data/{task}/task.json",
    log:
        "<logs>/task_data/{task}.log",
    conda:
        "../../environment.yml"
    shell:
        "cp {input} {output.record} 2>&1 | tee {log}"


rule record:
    input:
        tune=f"{config['traces_from']}/runs/{{task}}/{{method}}/seed{{seed}}/trace-tune.safetensors.gz",
        test=f"{config['traces_from']}/runs/{{task}}/{{method}}/seed{{seed}}/trace-test.safetensors.gz",
    output:
        tune="<results>/runs/{task}/{method}/seed{seed}/trace-tune.safetensors",
        test="<results>/runs/{task}/{method}/seed{seed}/trace-test.safetensors",
    log:
        "<logs>/record/{task}-{method}-{seed}.log",
    conda:
        "../../environment.yml"
    shell:
        "(gzip -dc {input.tune} > {output.tune} && gzip -dc {input.test} > {output.test})"
        " 2>&1 | tee {log}"
