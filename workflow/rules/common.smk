# The validated config, and what the rules ask of it. Nothing runs before this has passed.
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, ROOT)

from smartbert.errors import UserError
from smartbert.files import check_writable, write_text
from smartbert.manifest import REFERENCE
from smartbert.results import ABLATION_PARTS, PAGES, RUN_TABLES, STATISTICS, TIDY, Results, in_order
from smartbert.tasks import TASKS
from workflow.code import digest
from workflow.settings import entries, options, plan, validation

# Scripts are found from any folder; -P keeps that folder's own files out of their way.
PATHS = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), ROOT]))
shell.prefix(f"set -euo pipefail; export PYTHONPATH={shlex.quote(PATHS)}; ")

# What a module's `config` does not say holds as config.yaml says it.
config.update(options.complete(config, Path(ROOT, "config", "config.yaml")))
try:
    validation.validate(config)
except UserError as error:
    sys.exit(f"error: {error}")


def model_files(key):
    """Return an input function: the trained model that an entry `continues`, or its `teacher`."""

    def files(wildcards):
        other = entries.entry(config, wildcards.method, key)
        folder = f"<results>/runs/{wildcards.task}/{other}/seed{wildcards.seed}"
        names = ["model.safetensors", "config.json", "provenance.json"]
        return [f"{folder}/{name}" for name in names] if other else []

    return files


def folder_option(name, files):
    """Return the words that name the folder of some files, none where there are none."""
    return f"--{name} {os.path.dirname(files[0])}" if files else ""


# Threads of a job that nothing may run beside; Snakemake scales them down to what --cores gives.
# (`workflow.cores` would need --cores even where nothing runs, as for a report.)
EVERY_CORE = 1024
# Methods as they are tuned, scored and shown, with their trainings: see `group` in the config.
GROUPS = plan.groups_of(config, list(config["methods"]))
AS_ONE = "|".join(GROUPS)
# Entries whose rows are another's traces, read under their own rule: nothing of theirs is recorded.
READ = {name: other for name in config["methods"] if (other := plan.source(config, name))}


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
        for group in entries.groups(config, names)
        for seed in entries.seeds(config, task)
    ]


def member_files(task, names, file):
    return [
        f"<results>/runs/{task}/{name}/seed{seed}/{file}"
        for group in entries.groups(config, names)
        for name in GROUPS[group]
        for seed in entries.seeds(config, task)
    ]


def compared_files(*files, tasks=config["tasks"]):
    return [
        path
        for file in files
        for task in tasks
        for path in run_files(task, config["compare"], file)
    ]


def first_trials(wildcards=None):
    """Return what was tried in the first seed of every method and task."""
    return [
        f"<results>/runs/{task}/{group}/seed{entries.seeds(config, task)[0]}/trials.csv"
        for task in config["tasks"]
        for group in entries.groups(config, config["compare"])
    ]


def model_file(path):
    """Mark a model's weights as removable once all that read them have run, unless they are kept."""
    return path if config["keep_models"] else temp(path)


def published_files(tasks):
    return [
        f"<results>/models/{task}/{name}/seed{seed}/README.md"
        for task in tasks
        for name in config["compare"]
        if not entries.is_read(config, name)
        for seed in entries.seeds(config, task)
    ]


def latency_files(wildcards):
    tasks = config["tasks"] if wildcards.scope == "all" else [wildcards.scope]
    return [
        f"<results>/runs/{task}/{group}/seed{entries.seeds(config, task)[0]}/latency.csv"
        for task in tasks
        for group in entries.groups(config, config["compare"])
        if not any(entries.is_read(config, name) for name in GROUPS[group])
    ]


def group_of(entry):
    return entries.entry(config, entry, "group") or entry


def drop_partial():
    """Remove the tables of a call that failed, once the run's own are newer."""
    results = Results(Path(config["results"]))
    partial, own = results.partial.table("glue"), results.table("glue")
    if partial.exists() and in_order([[partial], [own]]):
        shutil.rmtree(results.partial.folder)


def on_file(words):
    """Return a file with words that would make a command too long: a path a line, or a JSON text.

    Its name is made of what is in it, so that a rule re-runs when that changes.
    """
    text = words if isinstance(words, str) else "".join(f"{word}\n" for word in words)
    path = Path(".snakemake", "words", hashlib.sha256(text.encode()).hexdigest()[:16])
    if not path.exists():
        write_text(path, text)
    return str(path)


def manifest_file(task, names=None):
    """Return a file with the manifest of one task, of its compared entries or of those named."""
    return on_file(options.ordered(plan.manifest(config, [task], names=names)))


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
