"""Config: validate it against the schema, and hand each rule only the part that it needs.

A mistake ends in one line that names the key, the value and what is allowed. The same functions
serve the Snakefile and the tests; nothing here imports Snakemake or torch.
"""

import json
import shlex
from functools import cache
from pathlib import Path

import jsonschema
import yaml

from baselines import METHODS
from smartbert.data import SYNTHETIC, DataSettings, check_path
from smartbert.errors import UserError, unknown
from smartbert.methods import REFERENCE
from smartbert.tasks import TASKS, task
from workflow.code import digest

# What an entry under `methods` says about itself, beside settings of its training.
ENTRY_KEYS = ("method", "source", "continues", "group", "label", "title")
SCHEMA = Path(__file__).parent / "schemas" / "config.schema.yaml"


@cache
def schema() -> dict:
    """Return the config's JSON schema; the names of tasks come from the records."""
    loaded = yaml.safe_load(SCHEMA.read_text())
    loaded["$defs"]["task"] = {"enum": list(TASKS)}
    return loaded


def validate(config: dict) -> None:
    """Check a merged config.

    Raises:
        UserError: one line on the first violation.
    """
    _check(config, schema(), ())
    for name, entry in config["methods"].items():
        _check(entry, entry_schema(config, name), ("methods", name))
    for name in config["compare"]:
        if name not in config["methods"]:
            raise unknown("method", name, config["methods"], setting="compare in the config")
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
    check_path(config["data"]["path"], config["tasks"])


def entry_schema(config: dict, name: str) -> dict:
    """Return the schema of an entry under `methods`: its method's keys and those of any entry."""
    entry = config["methods"][name]
    method = entry.get("method", name)
    own = schema()["$defs"]["methods"].get(method)
    shared = {**schema()["$defs"]["entry"], **schema()["properties"]["training"]["properties"]}
    if own is None:
        if "source" not in entry:
            hint = f"methods.{name} (or give it a `source` file)"
            raise unknown("method", method, METHODS, setting=hint)
        return {"type": "object", "properties": shared}  # its own file knows its other keys
    return {"type": "object", "properties": {**shared, **own}, "additionalProperties": False}


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


def parse_data_settings(values: dict) -> DataSettings:
    """Return the record from its JSON form."""
    tests = values["test"]
    return DataSettings(
        **{
            **values,
            "synthetic_rows": tuple(values["synthetic_rows"]),
            "test": tuple(tests) if tests else None,
        }
    )


def data_files(config: dict, name: str) -> list[str]:
    """Return a local data folder's files for a task, so that a change in them re-runs what reads
    them.
    """
    folder = Path(config["data"]["path"]) / name
    return sorted(str(path) for path in folder.glob("*.parquet")) if folder.is_dir() else []


def method_settings(config: dict, name: str, method: str) -> dict:
    """Return a method's settings on a task: `training`, replaced by the method's, by the task's."""
    own = config["task_settings"].get(task(name).name, {})
    merged = {
        **config["training"],
        **config["methods"][method],
        **own.get("training", {}),
        **own.get(method, {}),
    }
    return {key: merged[key] for key in sorted(merged) if key not in ENTRY_KEYS}


def compact(values: object) -> str:
    """Return values as JSON that is the same for equal values, for a rule's params."""
    return json.dumps(values, sort_keys=True, separators=(",", ":"))


def data_digest(config: dict) -> str:
    """Return the digest of the code that makes the data; the generator counts only where it is
    used.
    """
    modules = ["workflow.scripts.task_data", "smartbert.data", "smartbert.tasks"]
    return digest(
        *modules, ignored=() if config["data"]["path"] == SYNTHETIC else ("smartbert.synthetic",)
    )


def entry(config: dict, name: str, key: str) -> str | None:
    """Return what an entry under `methods` says about itself, None where it is silent."""
    return config["methods"][name].get(key)


def registered(config: dict, name: str) -> str:
    """Return the registered method of an entry: its own name unless it says otherwise."""
    return entry(config, name, "method") or name


def module(config: dict, name: str) -> str:
    """Return the module, or file, that defines an entry's method."""
    return entry(config, name, "source") or METHODS[registered(config, name)].partition(":")[0]


def method_options(config: dict, name: str) -> str:
    """Return the command-line words that tell a script which method an entry is."""
    words = ["--method", registered(config, name), "--name", name]
    if entry(config, name, "source"):
        words += ["--source", entry(config, name, "source")]
    return shlex.join(words)


def row_options(config: dict, name: str) -> str:
    """Return the command-line words that tell how an entry appears in tables."""
    words = ["--group", entry(config, name, "group") or name]
    for key in ("label", "title"):
        if entry(config, name, key):
            words += [f"--{key}", entry(config, name, key)]
    return shlex.join(words)


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
