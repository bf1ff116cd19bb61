# From traces to scores: thresholds chosen on tune, scores on test. No model runs, no torch.
# Trainings that appear as one method (`group` in the config) are tuned and scored together.
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
    wildcard_constraints:
        method=AS_ONE,
    conda:
        "../../environment.yml"
    threads: 1
    params:
        members=lambda wildcards: options.member_options(config, GROUPS[wildcards.method]),
        title=lambda wildcards: options.title_option(config, wildcards.method),
        settings=lambda wildcards: options.compact(plan.tuning(config, wildcards.method)),
        convention=config["cost"]["convention"],
        run=os.path.basename(config["results"]),
        code=digest("workflow.scripts.tune"),
    shell:
        "python -P -m workflow.scripts.tune --method {wildcards.method}"
        " --seed {wildcards.seed} --run {params.run:q} {params.members} {params.title}"
        " --traces {input.traces} --dense {input.dense} --data {input.data}"
        " --convention {params.convention} --settings {params.settings:q} --code {params.code}"
        " --points {output.points} --trials {output.trials} 2>&1 | tee {log}"


rule evaluate:
    input:
        points=rules.tune.output.points,
        traces=trace_files("test"),
        data=rules.task_data.output.record,
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
    wildcard_constraints:
        method=AS_ONE,
    conda:
        "../../environment.yml"
    threads: 1
    params:
        folder=subpath(output.scores, parent=True),
        code=digest("workflow.scripts.evaluate"),
    shell:
        "python -P -m workflow.scripts.evaluate --data {input.data} --points {input.points}"
        " --traces {input.traces} --out {params.folder} 2>&1 | tee {log}"
