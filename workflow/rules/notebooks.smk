# Notebooks of the kept results: `snakemake notebooks`. Not part of `all`, which is about the config's
# own run; they read results/reference and are committed.
NOTEBOOKS = ["results", "ablations", "explore", "reproduce"]
KEPT = Path(ROOT, "results", "reference", "minilm")


rule notebook:
    input:
        template=f"{ROOT}/workflow/notebooks/{{name}}.py",
        kept=[*KEPT.glob("*.csv"), *KEPT.glob("tables/*.csv"), *KEPT.glob("ablations/*.csv")],
    output:
        "notebooks/{name}.ipynb",
    log:
        "<logs>/notebook/{name}.log",
    wildcard_constraints:
        name="|".join(NOTEBOOKS),
    conda:
        "../../environment.yml"
    params:
        code=digest(
            "workflow.scripts.notebook",
            "smartbert.report.notebook",
            "smartbert.report.plots",
            "smartbert.report.ablation_plots",
            "smartbert.tune.study",
        ),
    shell:
        "python -P -m workflow.scripts.notebook --template {input.template} --out {output}"
        " 2>&1 | tee {log}"


rule notebooks:
    input:
        expand("notebooks/{name}.ipynb", name=NOTEBOOKS),
