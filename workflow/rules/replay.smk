# In place of data and runs, where all that the config asks for is kept: nothing needs a model, data or
# torch, and everything after the traces is as in any other run.
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
