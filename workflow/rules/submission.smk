# Files for GLUE's leaderboard, from the hidden test splits. Not part of `all`: ask for `submission`.


rule predict:
    input:
        hidden=rules.hidden_data.output,
        points=answering_points,
        models=answering_models,
    output:
        answers="<results>/submission/{sheet}.tsv",
        record="<results>/submission/{sheet}.json",
    log:
        "<logs>/predict/{sheet}.log",
    benchmark:
        "<benchmarks>/predict/{sheet}.tsv"
    conda:
        "../../environment.yml"
    threads: config["resources"]["threads"]
    params:
        models=lambda wildcards, input: sorted(set(map(os.path.dirname, input.models))),
        point=lambda wildcards: submission.point(config, SHEETS[wildcards.sheet].task),
        space=config["submission"]["space"],
        out=lambda wildcards, output: os.path.splitext(output.answers)[0],
        code=digest("workflow.scripts.predict"),
    shell:
        "python -P -m workflow.scripts.predict --sheet {wildcards.sheet} --hidden {input.hidden}"
        " --points {input.points} --models {params.models} --space {params.space}"
        " --point {params.point} --threads {threads} --out {params.out} 2>&1 | tee {log}"


rule submission:
    input:
        answers_files,
    output:
        packed="<results>/submission/glue.zip",
        note="<results>/submission/README.md",
    log:
        "<logs>/submission.log",
    benchmark:
        "<benchmarks>/submission.tsv"
    conda:
        "../../environment.yml"
    params:
        caption=options.caption(config),
        code=digest("workflow.scripts.submission"),
    shell:
        "python -P -m workflow.scripts.submission --files {input} --caption={params.caption:q}"
        " --zip {output.packed} --note {output.note} 2>&1 | tee {log}"
