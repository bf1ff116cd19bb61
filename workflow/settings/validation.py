"""Validation: check a merged config before anything runs.

A mistake ends in one line that names the key, the value and what is allowed.
"""

import json
import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import NoneType

import jsonschema
import yaml

from baselines.registry import METHODS, source_file
from smartbert.cost import CONVENTIONS
from smartbert.data.settings import check_path
from smartbert.errors import UserError, unknown
from smartbert.manifest import REFERENCE
from smartbert.results import Results
from smartbert.tasks import TASKS
from workflow.settings.entries import entry, groups, lineage, parents, registered, seeds, teacher
from workflow.settings.plan import ablation_entries, variants

SCHEMA = Path(__file__).parents[1] / "schemas" / "config.schema.yaml"


@cache
def schema() -> dict:
    """Return the config's JSON schema; the names of tasks come from the records."""
    loaded = yaml.safe_load(SCHEMA.read_text())
    loaded["$defs"]["task"] = {"enum": list(TASKS)}
    loaded["$defs"]["task_or_default"] = {"enum": ["default", *TASKS]}
    loaded["properties"]["cost"]["properties"]["convention"] = {"enum": list(CONVENTIONS)}
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
    parents(config)
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
    """Raise UserError if an entry lacks the file that defines it, the model it goes on from or
    learns from, or the entry whose traces it reads.
    """
    if (path := entry(config, name, "source")) is not None:
        source_file(name, path)
    teacher(config, name)
    record = METHODS.get(registered(config, name)) if path is None else None
    if record and record.continues and entry(config, name, "continues") is None:
        raise UserError(
            f"config: methods.{name} is a {record.name}, which goes on from a trained model: set"
            f" `methods.{name}.continues` to the entry that trains it"
        )
    read = entry(config, name, "reads")
    if record and record.reads and read is None:
        raise UserError(
            f"config: methods.{name} is a {record.name}, which reads another entry's traces: set"
            f" `methods.{name}.reads` to that entry"
        )
    if read is None:
        return
    if record and not record.reads:
        able = [method.name for method in METHODS.values() if method.reads]
        raise UserError(
            f"config: methods.{name} is a {record.name}, which cannot read another entry's traces;"
            f" allowed are {', '.join(able)}, or a method with a `source`: take"
            f" `methods.{name}.reads` out"
        )
    if read not in config["methods"]:
        raise unknown("method", read, config["methods"], setting=f"methods.{name}.reads")
    if entry(config, read, "reads") is not None:
        raise UserError(
            f"config: methods.{name}.reads is {read!r}, which reads traces itself; set it to"
            f" {entry(config, read, 'reads')!r}"
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
                run = Results(folder).run(name, entry_name, seed)
                if not run.trace("test", packed=True).exists():
                    raise UserError(
                        f"{folder} has no traces of {name}/{entry_name}/seed{seed}; set `tasks`,"
                        " `seeds`, `compare` or `ablations.tasks` to what is there, or"
                        " `traces_from` to another folder"
                    )


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
    own = METHODS[method].settings if method in METHODS else None
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
    value: object = error.instance
    rule: object = error.validator_value
    if error.validator == "additionalProperties" and isinstance(error.schema, Mapping):
        assert isinstance(value, Mapping)  # the schema speaks of the keys of an object
        known = list(error.schema.get("properties", {}))
        key = next(key for key in value if key not in known)
        return str(unknown("key", key, known, setting=where))
    if error.validator == "required" and isinstance(rule, list):
        assert isinstance(value, Mapping)
        return f"key {next(key for key in rule if key not in value)!r} is missing in {where}"
    if error.validator == "enum" and isinstance(rule, list):
        return str(unknown("value", value, rule, setting=where))
    limits = {
        "minimum": ">=",
        "maximum": "<=",
        "exclusiveMinimum": ">",
        "exclusiveMaximum": "<",
    }
    if error.validator in limits:
        return f"{where} is {value}; it must be {limits[str(error.validator)]} {rule}"
    if error.validator == "type" and isinstance(rule, str | list):
        kinds = rule if isinstance(rule, str) else " or ".join(rule)
        return f"{where} is {json.dumps(value)}; it must be of type {kinds}"
    return f"{where} is {json.dumps(value)}; {error.message}"
