# The validated config, and what the rules ask of it. Nothing runs before this has passed.
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, workflow.basedir)

from smartbert.errors import UserError
from smartbert.files import check_writable
from smartbert.methods import REFERENCE
from smartbert.tasks import TASKS
from workflow import settings
from workflow.code import digest

try:
    settings.validate(config)
    PARENTS = settings.parents(config)
except UserError as error:
    sys.exit(f"error: {error}")


def parent_weights(wildcards):
    parent = PARENTS[wildcards.method]
    return (
        f"<results>/runs/{wildcards.task}/{parent}/seed{wildcards.seed}/model.safetensors"
        if parent
        else []
    )


# Threads of a job that nothing may run beside; Snakemake scales them down to what --cores gives.
# (`workflow.cores` would need --cores even where nothing runs, as for a report.)
EVERY_CORE = 1024
STATISTICS = ["points", "auc", "bands", "differences", "draws"]
RUN_TABLES = ["scores", "curve", "exits", "gates", "usage", "lengths"]
# Methods as they are tuned, scored and shown, with their trainings: see `group` in the config.
GROUPS = settings.groups_of(config, list(config["methods"]))
AS_ONE = "|".join(GROUPS)


wildcard_constraints:
    task="|".join(TASKS),
    method="|".join(config["methods"]),
    seed=r"\d+",


def trace_files(split):
    def files(wildcards):
        return [
            f"<results>/runs/{wildcards.task}/{name}/seed{wildcards.seed}/trace-{split}.safetensors"
            for name in GROUPS[wildcards.method]
        ]

    return files


def run_files(task, names, file):
    return [
        f"<results>/runs/{task}/{group}/seed{seed}/{file}"
        for group in settings.groups(config, names)
        for seed in settings.seeds(config, task)
    ]


def member_files(task, names, file):
    return [
        f"<results>/runs/{task}/{name}/seed{seed}/{file}"
        for group in settings.groups(config, names)
        for name in GROUPS[group]
        for seed in settings.seeds(config, task)
    ]


def compared_files(file):
    return [path for task in config["tasks"] for path in run_files(task, config["compare"], file)]


def model_file(path):
    """Mark a model's weights as removable once all that read them have run, unless they are kept."""
    return path if config["keep_models"] else temp(path)


def published_files(tasks):
    return [
        f"<results>/models/{task}/{name}/seed{seed}/README.md"
        for task in tasks
        for name in config["compare"]
        for seed in settings.seeds(config, task)
    ]


def latency_files(wildcards):
    tasks = config["tasks"] if wildcards.scope == "all" else [wildcards.scope]
    return [
        f"<results>/runs/{task}/{group}/seed{settings.seeds(config, task)[0]}/latency.csv"
        for task in tasks
        for group in settings.groups(config, config["compare"])
    ]


def group_of(entry):
    return settings.entry(config, entry, "group") or entry


# What each kind of figure is filed under in the report.
KINDS = {
    "exits": "Score of each exit",
    "usage": "Where examples exit and skip",
    "lengths": "Cost by length",
    "trials": "Search on tune",
}
PAGE_TITLES = {
    "glue": "score and cost at each operating point",
    "sweep": "the publications' own thresholds",
    "curves": "fronts carried to test",
    "auc": "mean score over the cost range",
    "differences": "paired differences",
    "exits": "score of each exit",
    "gates": "what the gates did",
    "published": "the literature's figures",
}


def in_report(path, caption, category, **labels):
    return report(path, caption=f"../report/{caption}.rst", category=category, labels=labels)


def figure_in_report(name):
    path = f"<results>/figures/{name}.png"
    own, _, kind = name.rpartition("-") if not name.endswith("-per-layer") else (name, "", "")
    kind = kind or name
    if kind in KINDS:
        return in_report(path, kind, KINDS[kind], task=own or "all tasks")
    task = name.removesuffix("-per-layer")
    thresholds = "one per layer" if name.endswith("-per-layer") else "one for all layers"
    task = "all tasks" if task == "glue" else task
    return in_report(path, "curves", "Score against cost", task=task, thresholds=thresholds)
