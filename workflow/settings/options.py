"""Options: the words, JSON and digests that rules hand to their scripts."""

import json
import shlex
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path

import yaml

from smartbert.data.folders import local_layout
from smartbert.data.layouts import Layout
from smartbert.data.settings import SYNTHETIC, DataSettings
from smartbert.records import plain
from smartbert.tasks import TASKS
from workflow.code import digest
from workflow.settings.entries import by_task, entry, method_settings, registered, title


def complete(config: dict, defaults: Path) -> dict:
    """Return a config with all that it does not say taken from another file.

    What it says itself stays first, as where Snakemake merges: entries of one group are searched in
    this order, and another order is another search.
    """
    from snakemake.utils import update_config

    merged = deepcopy(config)
    update_config(merged, yaml.safe_load(defaults.read_text()))
    update_config(merged, config)
    return merged


def data_settings(config: dict, name: str) -> dict:
    """Return the `data` section for one task, as `DataSettings` takes it."""
    data, own = config["data"], config["own_tasks"].get(name)
    given = data["splits"].get(name, {})
    path = own["path"] if own else data["path"]
    synthetic = path == SYNTHETIC
    subset = {"subset": own["subset"]} if own and "subset" in own else {}
    return {
        "path": path,
        "seed": data["seed"],
        "max_length": data["max_length"],
        "max_fit": by_task(data["max_fit"], name),
        "max_test": by_task(data["max_test"], name),
        "tune_fraction": data["tune"]["fraction"],
        "tune_min": data["tune"]["min"],
        "tune_max": data["tune"]["max"],
        "synthetic_rows": [data["synthetic"]["train"], data["synthetic"]["test"]]
        if synthetic
        else [0, 0],
        "train": given.get("train"),
        "test": given.get("test"),
        **subset,
    }


def caption(config: dict, tasks: Sequence[str] | None = None) -> str:
    """Return what the data of some tasks of a run are, for every caption: the config's own
    sentences on GLUE's and on its own tasks, and how many examples were left out.

    Args:
        tasks: None means all that the config runs.
    """
    tasks = config["tasks"] if tasks is None else tasks
    own = [config["own_tasks"][name] for name in tasks if name in config["own_tasks"]]
    told = [config["data"]["caption"]] if len(own) < len(tasks) else []
    told += [one.get("caption", "") for one in own]
    for key, text in (("max_fit", "to train on"), ("max_test", "of test")):
        most = {name: by_task(config["data"][key], name) for name in tasks}
        capped = {name: number for name, number in most.items() if number is not None}
        if not capped:
            continue
        if len(capped) == len(most) and len(set(capped.values())) == 1:
            told.append(f"At most {next(iter(capped.values())):,} examples {text}.")
        else:
            parts = [f"{number:,} ({TASKS[name].title})" for name, number in capped.items()]
            told.append(f"At most so many examples {text}: {', '.join(parts)}.")
    return " ".join(filter(None, told))


def data_layout(config: dict, name: str) -> Layout:
    """Return where a local data folder has a task's files, so that a change in them re-runs what
    reads them; no files where the data are no local folder.

    Raises:
        UserError: if the folder, the task's files or a split is missing.
    """
    settings = DataSettings.from_json(data_settings(config, name))
    return local_layout(TASKS[name], settings) or Layout("plain", {})


def compact(values: object) -> str:
    """Return values as JSON that is the same for equal values, for a rule's params."""
    return json.dumps(values, sort_keys=True, separators=(",", ":"))


def ordered(values: object) -> str:
    """Return values as JSON in the order they are in, which tables and figures keep."""
    return json.dumps(plain(values), separators=(",", ":"))


def data_digest(config: dict) -> str:
    """Return the digest of the code that makes the data; the generator counts only where it is
    used.
    """
    modules = ["workflow.scripts.task_data", "smartbert.data.preparation", "smartbert.tasks"]
    synthetic = config["data"]["path"] == SYNTHETIC
    return digest(*modules, ignored=() if synthetic else ("smartbert.data.synthetic",))


def method_options(config: dict, name: str) -> str:
    """Return the command-line words that tell a script which method an entry is."""
    words = ["--method", registered(config, name), "--name", name]
    if (source := entry(config, name, "source")) is not None:
        words += ["--source", source]
    return shlex.join(words)


def member_options(config: dict, names: list[str]) -> str:
    """Return the command-line words that name a method's trainings and what tells them apart."""
    labels = [entry(config, name, "label") or "" for name in names]
    return shlex.join(["--members", *names, "--labels", *labels])


def title_option(config: dict, group: str) -> str:
    """Return the command-line words for a method's title, none where the config is silent."""
    own = title(config, group)
    return shlex.join(["--title", own]) if own else ""


def training_options(config: dict, task: str, name: str) -> str:
    """Return the command-line words that say which entry is trained, with all its settings."""
    settings = compact(method_settings(config, task, name))
    return f"{method_options(config, name)} {shlex.join(['--settings', settings])}"


def card_options(config: dict, task: str) -> str:
    """Return the command-line words for what a published model's card says of its making."""
    facts = {
        "max_tokens": config["data"]["max_length"],
        "backbone": config["backbone"]["path"],
        "data": data_settings(config, task)["path"],
    }
    return shlex.join(["--facts", compact(facts), f"--caption={caption(config, [task])}"])
