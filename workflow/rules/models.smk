# Models for users, and the wall-clock of their operating points. Neither is part of `all`: ask for
# `models_rte`, `latency_rte`, or `models_all`, `latency_all`.


rule publish:
    input:
        run=rules.train.output,
        tuned=tuned_files,
        read=lambda wildcards: recorded_for(wildcards, [wildcards.method]),
        data=rules.task_data.output.record,
    output:
        # Weights and tokenizer are links to the training's own files: declared, they would get new
        # dates, and the trainings with them.
        card="<results>/models/{task}/{method}/seed{seed}/README.md",
        config="<results>/models/{task}/{method}/seed{seed}/config.json",
        figure="<results>/models/{task}/{method}/seed{seed}/curve.png",
    log:
        "<logs>/publish/{task}-{method}-{seed}.log",
    benchmark:
        "<benchmarks>/publish/{task}-{method}-{seed}.tsv"
    conda:
        "../../environment.yml"
    params:
        run=lambda wildcards, input: os.path.dirname(input.run[0]),
        folder=subpath(output.card, parent=True),
        words=lambda wildcards: options.card_options(config, wildcards.task),
        code=digest("workflow.scripts.publish"),
    shell:
        "python -P -m workflow.scripts.publish --data {input.data} --run {params.run}"
        " --points {input.tuned[0]} --scores {input.tuned[1]} --usage {input.tuned[2]}"
        " --curve {input.tuned[3]} --member {wildcards.method} --read {input.read} {params.words}"
        " --out {params.folder} 2>&1 | tee {log}"


# Takes all cores, so that nothing else runs beside it; and its threads wait busily, as a server's do.
rule latency:
    input:
        points="<results>/runs/{task}/{method}/seed{seed}/points.json",
        models=group_models,
        read=lambda wildcards: recorded_for(wildcards, GROUPS[wildcards.method]),
        test=rules.task_data.output.test,
    output:
        "<results>/runs/{task}/{method}/seed{seed}/latency.csv",
    log:
        "<logs>/latency/{task}-{method}-{seed}.log",
    benchmark:
        "<benchmarks>/latency/{task}-{method}-{seed}.tsv"
    wildcard_constraints:
        method=AS_ONE,
    conda:
        "../../environment.yml"
    threads: EVERY_CORE
    params:
        models=lambda wildcards, input: sorted(set(map(os.path.dirname, input.models))),
        settings=options.compact(config["latency"]),
        code=digest("workflow.scripts.latency"),
    shell:
        "OMP_WAIT_POLICY=active python -P -m workflow.scripts.latency --points {input.points}"
        " --models {params.models} --read {input.read} --test {input.test}"
        " --settings {params.settings:q}"
        " --out {output} 2>&1 | tee {log}"


rule latency_tables:
    input:
        latency_files,
    output:
        expand("<results>/latency/{{scope}}.{kind}", kind=["csv", "md", "pdf"]),
        in_report("<results>/latency/{scope}.png", "latency", "Wall-clock", task="{scope}"),
    log:
        "<logs>/latency/{scope}.log",
    benchmark:
        "<benchmarks>/latency/{scope}.tsv"
    wildcard_constraints:
        scope="|".join([*TASKS, "all"]),
    conda:
        "../../environment.yml"
    params:
        runs=lambda wildcards, input: on_file(input),
        words=report_options(),
        out=lambda wildcards, output: os.path.splitext(output[0])[0],
        code=digest("workflow.scripts.latency_tables"),
    shell:
        "python -P -m workflow.scripts.latency_tables --runs {params.runs} {params.words}"
        " --out {params.out} 2>&1 | tee {log}"


for scope in [*TASKS, "all"]:

    rule:
        name:
            f"models_{scope}"
        input:
            published_files(config["tasks"] if scope == "all" else [scope]),

    rule:
        name:
            f"latency_{scope}"
        input:
            f"<results>/latency/{scope}.md",
