"""Config: validate it against the schema, and hand each rule only the part that it needs.

A mistake ends in one line that names the key, the value and what is allowed. The same functions
serve the Snakefile and the tests; nothing here imports Snakemake or torch.
"""

import json
import math
import shlex
from functools import cache
from pathlib import Path
from types import NoneType

import jsonschema
import yaml

from baselines import METHODS, source_file
from smartbert.data import SYNTHETIC, check_path
from smartbert.errors import UserError, unknown
from smartbert.methods import REFERENCE, SUBJECT
from smartbert.points import GLOBAL
from smartbert.tasks import TASKS, task
from workflow.code import digest

# What an entry under `methods` says about itself, beside settings of its training.
ENTRY_KEYS = ("method", "source", "like", "continues", "group", "label", "title")
INHERITED = ("method", "source", "continues")  # of these, what `like` hands on
SKIPS = "skip_only"  # stage 1 of what is ablated
TRAINLESS = ("random_skip", "constant_skip", "gates_off")  # they only record
CONTINUING = ("smartbert", "deebert", "exit_only", *TRAINLESS)  # from another one's trained model
SCHEMA = Path(__file__).parent / "schemas" / "config.schema.yaml"


@cache
def schema() -> dict:
    """Return the config's JSON schema; the names of tasks come from the records."""
    loaded = yaml.safe_load(SCHEMA.read_text())
    loaded["$defs"]["task"] = {"enum": list(TASKS)}
    loaded["$defs"]["task_or_default"] = {"enum": ["default", *TASKS]}
    return loaded


def validate(config: dict) -> None:
    """Check a merged config.

    Raises:
        UserError: one line on the first violation.
    """
    _check_plain(config, ())
    _check(config, schema(), ())
    for name, own in config["methods"].items():
        _check(own, {"type": "object", "properties": schema()["$defs"]["entry"]}, ("methods", name))
    for name, own in config["methods"].items():
        lineage(config, name)
        _check(own, entry_schema(config, name), ("methods", name))
    listed = {"compare": config["compare"], "ablations.methods": config["ablations"]["methods"]}
    for name, own in config["ablations"]["task_methods"].items():
        listed[f"ablations.task_methods.{name}"] = own
    for key, names in listed.items():
        for name in names:
            if name not in config["methods"]:
                raise unknown("method", name, config["methods"], setting=f"{key} in the config")
    _one_criterion(config)
    listed.pop("compare")
    _check_variants(config, listed)
    for name in config["methods"]:
        _check_start(config, name)
    if any(map(str.isspace, config["results"])):
        raise UserError(
            f"config: results is {config['results']!r}; it becomes part of commands and must have"
            " no spaces"
        )
    if REFERENCE not in config["compare"]:
        raise UserError(f"config: compare lacks {REFERENCE!r}, the reference of every ratio")
    for name, own in config["task_settings"].items():
        for part, values in own.items():
            if part == "training":
                part_schema = schema()["properties"]["training"]
            elif part in config["methods"]:
                part_schema = entry_schema(config, part)
            else:
                known = ["training", *config["methods"]]
                raise unknown("method", part, known, setting=f"task_settings.{name}")
            _check(values, {**part_schema, "required": []}, ("task_settings", name, part))
    for name, given in config["data"]["splits"].items():
        expected = len(TASKS[name].test)
        if "test" in given and len(given["test"]) != expected:
            raise UserError(f"config: data.splits.{name}.test needs {expected} split name(s)")
    if config["traces_from"]:
        check_traces(config)
    else:
        check_path(config["data"]["path"], config["tasks"])


def _check_variants(config: dict, listed: dict[str, list[str]]) -> None:
    """Raise UserError on variants that an ablation cannot show, or an ablation without any.

    Args:
        listed: the variants, by the key that names them.
    """
    for key, names in listed.items():
        for name in names:
            if (group := entry(config, name, "group")) not in (None, name):
                raise UserError(
                    f"config: {key} has {name!r}, which is shown as a part of {group!r}; an"
                    " ablation shows single trainings: take it out there, or"
                    f" `methods.{name}.group`"
                )
    for name in config["ablations"]["tasks"]:
        if not variants(config, name):
            raise UserError(
                f"config: ablations.tasks has {name!r}, and ablations.methods is empty; name the"
                " variants there, or take the task out"
            )


def _check_start(config: dict, name: str) -> None:
    """Raise UserError if an entry lacks the file that defines it, or the model it goes on from."""
    if (source := entry(config, name, "source")) is not None:
        source_file(name, source)
    elif registered(config, name) in CONTINUING and entry(config, name, "continues") is None:
        raise UserError(
            f"config: methods.{name} is a {registered(config, name)}, which goes on from a"
            f" trained model: set `methods.{name}.continues` to the entry that trains it"
        )


def check_traces(config: dict) -> None:
    """Raise UserError if the folder of kept traces lacks one of the run's."""
    folder = Path(config["traces_from"])
    if not folder.is_dir():
        raise UserError(
            f"folder {str(folder)!r} does not exist; set by `traces_from` in the config"
        )
    for name in config["tasks"]:
        ablated = ablation_entries(config, name) if name in config["ablations"]["tasks"] else []
        for entry_name in dict.fromkeys([*config["compare"], *ablated]):
            for seed in seeds(config, name):
                run = f"{name}/{entry_name}/seed{seed}"
                if not (folder / "runs" / run / "trace-test.safetensors.gz").exists():
                    raise UserError(
                        f"{folder} has no traces of {run}; set `tasks`, `seeds`, `compare` or"
                        " `ablations.tasks` to what is there, or `traces_from` to another folder"
                    )


def groups(config: dict, names: list[str]) -> dict[str, list[str]]:
    """Return the methods as tables show them, each with the entries (trainings) behind it."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(entry(config, name, "group") or name, []).append(name)
    return found


def groups_of(config: dict, names: list[str]) -> dict[str, list[str]]:
    """Return the methods of some entries as tables show them, each with all entries behind it:
    those of them that are compared, else those that appear in an ablation, else all.
    """
    every = groups(config, list(config["methods"]))
    seen = (config["compare"], shown_entries(config), config["methods"])
    return {
        group: next(found for some in seen if (found := [n for n in every[group] if n in some]))
        for group in groups(config, names)
    }


def shown_entries(config: dict) -> list[str]:
    """Return the entries that appear anywhere: those compared, and the ablations'."""
    ablated = [one for name in TASKS for one in ablation_entries(config, name)]
    return list(dict.fromkeys([*config["compare"], *ablated]))


def variants(config: dict, name: str) -> list[str]:
    """Return the variants that a task's ablation shows."""
    ablations = config["ablations"]
    return ablations["task_methods"].get(name, ablations["methods"])


def ablation_entries(config: dict, name: str) -> list[str]:
    """Return the entries that a task's ablation needs: reference, subject, variants, trainings with
    another lambda.
    """
    names = [REFERENCE, SUBJECT, SKIPS, *variants(config, name), *lambda_grid(config, name)]
    return list(dict.fromkeys(names))


def lambda_grid(config: dict, name: str) -> dict[str, float]:
    """Return lambda by entry, for stage 1 and those of its variants in a task's ablation that
    differ in lambda alone.
    """
    line = [e for v in variants(config, name) if (e := entry(config, v, "continues"))]
    weights = {}
    for stage in dict.fromkeys([SKIPS, *line]):
        single = entry(config, stage, "group") in (None, stage)  # else tuned and shown with others
        if registered(config, stage) == SKIPS and single:
            own, base = (method_settings(config, name, s) for s in (stage, SKIPS))
            if "lambda" in own and {**own, "lambda": None} == {**base, "lambda": None}:
                weights[stage] = own["lambda"]
    return weights


def tuning(config: dict, method: str) -> dict:
    """Return the settings of a method's tuning. What is not compared, a variant of an ablation, is
    tuned in the global space alone, the only one in which it is shown.
    """
    if method in groups(config, [*config["compare"], SUBJECT]):
        return config["tuning"]
    return {**config["tuning"], "spaces": [GLOBAL]}


def manifest(config: dict, tasks: list[str] | None = None) -> dict:
    """Return what a run, or some tasks of it, consists of: seeds by task, by method its title and
    trainings, the spaces that are searched, by training those that it goes on from (None: nothing
    is trained), and the tasks with an ablation. That is none for some tasks alone, which are to be
    had without their ablation.
    """
    found = groups_of(config, config["compare"])
    lines = None
    if not config["traces_from"]:
        known = parents(config)
        lines = {name: ancestors(known, name) for members in found.values() for name in members}
    return {
        "seeds": {name: seeds(config, name) for name in tasks or config["tasks"]},
        "methods": found,
        "titles": {group: title(config, group) for group in found},
        "spaces": config["tuning"]["spaces"],
        "ancestors": lines,
        "ablated": [] if tasks else config["ablations"]["tasks"],
    }


def figures(config: dict) -> list[str]:
    """Return the names of a run's figures."""
    spaces = config["tuning"]["spaces"]
    tasks = config["tasks"]
    names = [*tasks, "glue", "exits", "usage", "lengths"]
    names += [f"{name}-{kind}" for kind in ("trials", "usage") for name in tasks]
    return names + [f"{name}-per-layer" for name in [*tasks, "glue"] if "per_layer" in spaces]


def title(config: dict, group: str) -> str | None:
    """Return the config's title of a method: its own entry's, or its first one's."""
    members = groups(config, list(config["methods"]))[group]
    chosen = group if group in members else members[0]
    return entry(config, chosen, "title")


def _one_criterion(config: dict) -> None:
    """Refuse a group whose entries are not of one method: their settings are searched together.

    Raises:
        UserError: naming the group.
    """
    for group, members in groups(config, list(config["methods"])).items():
        kinds = {registered(config, name) for name in members}
        if len(kinds) > 1:
            raise UserError(
                f"config: the entries of group {group!r} are of several methods"
                f" ({', '.join(sorted(kinds))}); set `group` to another name in one of them"
            )


def entry_schema(config: dict, name: str) -> dict:
    """Return the schema of an entry under `methods`: its method's keys and those of any entry."""
    method = registered(config, name)
    own = schema()["$defs"]["methods"].get(method)
    shared = {**schema()["$defs"]["entry"], **schema()["properties"]["training"]["properties"]}
    if own is None:
        if entry(config, name, "source") is None:
            hint = f"methods.{name} (or give it a `source` file)"
            raise unknown("method", method, METHODS, setting=hint)
        return {"type": "object", "properties": shared}  # its own file knows its other keys
    return {"type": "object", "properties": {**shared, **own}, "additionalProperties": False}


def _check_plain(value: object, where: tuple[str, ...]) -> None:
    """Raise UserError on what YAML can say and JSON cannot: dates, keys that are no text, .nan."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                place = ".".join(where) or "the top level"
                raise UserError(f"config: key {key!r} in {place} is no text; put it in quotes")
            _check_plain(inner, (*where, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            _check_plain(inner, (*where, str(number)))
    elif isinstance(value, float) and not math.isfinite(value):
        raise UserError(f"config: {'.'.join(where)} is {value}; it must be a finite number")
    elif not isinstance(value, str | int | float | NoneType):
        kind = type(value).__name__
        raise UserError(f"config: {'.'.join(where)} is a {kind} ({value}); put it in quotes")


def _check(values: object, rules: dict, where: tuple[str, ...]) -> None:
    """Raise UserError on the first violation of a schema by a part of the config."""
    error = jsonschema.exceptions.best_match(
        jsonschema.Draft202012Validator(rules | {"$defs": schema()["$defs"]}).iter_errors(values)
    )
    if error is not None:
        raise UserError("config: " + explain(error, where))


def explain(error: jsonschema.ValidationError, prefix: tuple[str, ...] = ()) -> str:
    """Return a schema violation as one line: key, value, what is allowed."""
    path = [*prefix, *error.absolute_path]
    where = ".".join(str(part) for part in path) or "the top level"
    value, rule = error.instance, error.validator_value
    if error.validator == "additionalProperties":
        known = list(error.schema.get("properties", {}))
        key = next(key for key in value if key not in known)
        return str(unknown("key", key, known, setting=where))
    if error.validator == "required":
        return f"key {next(key for key in rule if key not in value)!r} is missing in {where}"
    if error.validator == "enum":
        return str(unknown("value", value, rule, setting=where))
    limits = {
        "minimum": ">=",
        "maximum": "<=",
        "exclusiveMinimum": ">",
        "exclusiveMaximum": "<",
    }
    if error.validator in limits:
        return f"{where} is {value}; it must be {limits[error.validator]} {rule}"
    if error.validator == "type":
        kinds = rule if isinstance(rule, str) else " or ".join(rule)
        return f"{where} is {json.dumps(value)}; it must be of type {kinds}"
    return f"{where} is {json.dumps(value)}; {error.message}"


def seeds(config: dict, name: str) -> list[int]:
    """Return the seeds of a task."""
    return config["seeds"].get(name, config["seeds"]["default"])


def data_settings(config: dict, name: str) -> dict:
    """Return the `data` section for one task, as `DataSettings` takes it."""
    data = config["data"]
    given = data["splits"].get(name, {})
    synthetic = data["path"] == SYNTHETIC
    return {
        "path": data["path"],
        "seed": data["seed"],
        "max_length": data["max_length"],
        "max_fit": data["max_fit"],
        "tune_fraction": data["tune"]["fraction"],
        "tune_min": data["tune"]["min"],
        "tune_max": data["tune"]["max"],
        "synthetic_rows": [data["synthetic"]["train"], data["synthetic"]["test"]]
        if synthetic
        else [0, 0],
        "train": given.get("train"),
        "test": given.get("test"),
    }


def data_files(config: dict, name: str) -> list[str]:
    """Return a local data folder's files for a task, so that a change in them re-runs what reads
    them.
    """
    folder = Path(config["data"]["path"]) / name
    return sorted(str(path) for path in folder.glob("*.parquet")) if folder.is_dir() else []


def method_settings(config: dict, name: str, method: str) -> dict:
    """Return a method's settings on a task: `training`, replaced by the method's, by the task's."""
    own = config["task_settings"].get(task(name).name, {})
    line = lineage(config, method)[::-1]
    merged = dict(config["training"])
    for part in (*(config["methods"][e] for e in line), own.get("training", {})):
        merged |= part
    for part in (own.get(e, {}) for e in line):
        merged |= part
    return {key: merged[key] for key in sorted(merged) if key not in ENTRY_KEYS}


def compact(values: object) -> str:
    """Return values as JSON that is the same for equal values, for a rule's params."""
    return json.dumps(values, sort_keys=True, separators=(",", ":"))


def ordered(values: object) -> str:
    """Return values as JSON in the order they are in, which tables and figures keep."""
    return json.dumps(values, separators=(",", ":"))


def data_digest(config: dict) -> str:
    """Return the digest of the code that makes the data; the generator counts only where it is
    used.
    """
    modules = ["workflow.scripts.task_data", "smartbert.data", "smartbert.tasks"]
    return digest(
        *modules, ignored=() if config["data"]["path"] == SYNTHETIC else ("smartbert.synthetic",)
    )


def lineage(config: dict, name: str) -> list[str]:
    """Return an entry, the one it is like, the one that is like, and so on.

    Raises:
        UserError: if one of them is not in the config, or they lead back to the first.
    """
    line = [name]
    while (following := config["methods"][line[-1]].get("like")) is not None:
        if following not in config["methods"]:
            setting = f"methods.{line[-1]}.like"
            raise unknown("method", following, config["methods"], setting=setting)
        if following in line:
            raise UserError(f"config: methods.{name}.like leads back to {following!r}")
        line.append(following)
    return line


def entry(config: dict, name: str, key: str) -> str | None:
    """Return what an entry under `methods` says about itself, None where it is silent.

    What it does not say is taken from the entry that it is like, but for how it appears in tables.
    """
    line = lineage(config, name) if key in INHERITED else [name]
    said = (config["methods"][own].get(key) for own in line)
    return next((value for value in said if value is not None), None)


def registered(config: dict, name: str) -> str:
    """Return the registered method of an entry: said, or the name of the one that it is like."""
    return entry(config, name, "method") or lineage(config, name)[-1]


def module(config: dict, name: str) -> str:
    """Return the module, or file, that defines an entry's method."""
    return entry(config, name, "source") or METHODS[registered(config, name)].partition(":")[0]


def method_options(config: dict, name: str) -> str:
    """Return the command-line words that tell a script which method an entry is."""
    words = ["--method", registered(config, name), "--name", name]
    if entry(config, name, "source"):
        words += ["--source", entry(config, name, "source")]
    return shlex.join(words)


def member_options(config: dict, names: list[str]) -> str:
    """Return the command-line words that name a method's trainings and what tells them apart."""
    labels = [entry(config, name, "label") or "" for name in names]
    return shlex.join(["--members", *names, "--labels", *labels])


def title_option(config: dict, group: str) -> str:
    """Return the command-line words for a method's title, none where the config is silent."""
    own = title(config, group)
    return shlex.join(["--title", own]) if own else ""


def parents(config: dict) -> dict[str, str | None]:
    """Return, for each method, the one whose trained model it continues.

    Raises:
        UserError: if that method is not in the config, or a chain of them closes on itself.
    """
    found = {name: entry(config, name, "continues") for name in config["methods"]}
    for name, parent in found.items():
        if parent is not None and parent not in found:
            raise unknown("method", parent, found, setting=f"methods.{name}.continues")
        seen = {name}
        while parent is not None:
            if parent in seen:
                raise UserError(f"config: methods.{name}.continues leads back to {name!r}")
            seen.add(parent)
            parent = found[parent]
    return found


def ancestors(parents: dict[str, str | None], name: str) -> list[str]:
    """Return the entry that one continues, the one which that continues, and so on."""
    parent = parents[name]
    return [parent, *ancestors(parents, parent)] if parent else []
