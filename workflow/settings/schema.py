"""Schema: what a config may say, and one line on what it may not.

The file beside this is the whole of it but for names that records have: tasks, cost conventions and
the settings of each method.
"""

import json
import math
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import NoneType

import jsonschema
import yaml

from baselines.registry import METHODS
from smartbert.cost import CONVENTIONS
from smartbert.errors import UserError, unknown
from smartbert.metrics import METRICS
from smartbert.points import POINTS, SPACES
from smartbert.tasks import TASKS
from workflow.settings.entries import entry, is_read, registered, traces

NUMBERS = {"number", "integer"}
# YAML wants a point before an exponent and a sign in it: 1.0e-5, where Python writes 1e-05.
EXPONENT = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+")
SCHEMA = Path(__file__).parents[1] / "schemas" / "config.schema.yaml"


def schema() -> dict:
    """Return the config's JSON schema; names that records have come from them."""
    return _schema(tuple(TASKS))


@cache
def _schema(tasks: tuple[str, ...]) -> dict:
    loaded = yaml.safe_load(SCHEMA.read_text())
    loaded["$defs"]["task"] = {"enum": list(tasks)}
    loaded["$defs"]["task_or_default"] = {"enum": ["default", *tasks]}
    loaded["$defs"]["metric"] = {"enum": list(METRICS)}
    loaded["$defs"]["point"] = {"enum": list(POINTS)}
    loaded["properties"]["submission"]["properties"]["space"] = {"enum": list(SPACES)}
    loaded["properties"]["cost"]["properties"]["convention"] = {"enum": list(CONVENTIONS)}
    return loaded


def entry_schema(config: dict, name: str, *, task: bool = False) -> dict:
    """Return the schema of an entry under `methods`: its method's keys, those of training, which an
    entry that reads has not, and those of any entry, which `task_settings` has not. One whose
    traces are from elsewhere says how it is shown alone.
    """
    if traces(config, name) is not None:  # of a method that is not here, which has no settings
        shown = ("traces", "title", "group", "label", "family", "seeds")
        known = {key: schema()["$defs"]["entry"][key] for key in shown}
        return {
            "type": "object",
            "properties": {} if task else known,
            "additionalProperties": False,
        }
    method = registered(config, name)
    own = METHODS[method].settings if method in METHODS else None
    entry_keys = schema()["$defs"]["entry"]
    training = {} if is_read(config, name) else schema()["properties"]["training"]["properties"]
    shared = training if task else {**entry_keys, **training}
    if entry(config, name, "source") is not None:  # its own file knows its other keys
        barred = dict.fromkeys(entry_keys, False) if task else {}
        return {"type": "object", "properties": {**shared, **barred}}
    if own is None:
        hint = f"methods.{name} (or give it a `source` file)"
        raise unknown("method", method, METHODS, setting=hint)
    return {"type": "object", "properties": {**shared, **own}, "additionalProperties": False}


def check_plain(value: object, where: tuple[str, ...]) -> None:
    """Raise UserError on what YAML can say and JSON cannot: dates, keys that are no text, .nan."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                place = ".".join(where) or "the top level"
                raise UserError(f"config: key {key!r} in {place} is no text; put it in quotes")
            check_plain(inner, (*where, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            check_plain(inner, (*where, str(number)))
    elif isinstance(value, float) and not math.isfinite(value):
        raise UserError(f"config: {'.'.join(where)} is {value}; it must be a finite number")
    elif not isinstance(value, str | int | float | NoneType):
        kind = type(value).__name__
        raise UserError(f"config: {'.'.join(where)} is a {kind} ({value}); put it in quotes")


def _whole(checker: jsonschema.TypeChecker, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


# 1.0 is no whole number here: seeds are parts of names.
VALIDATOR = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine("integer", _whole),
)


def _branch(error: jsonschema.ValidationError) -> jsonschema.ValidationError:
    """Return what is wrong with a value that may be of several kinds: of a mapping, what the kind
    for mappings says.
    """
    kinds = error.validator_value
    assert isinstance(kinds, list)  # as anyOf has it
    mappings = [i for i, kind in enumerate(kinds) if kind.get("type") == "object"]
    own = [
        inner
        for inner in error.context or ()
        if (inner.schema_path[0] in mappings) == isinstance(error.instance, Mapping)
    ]
    return own[0] if own else error


def check(values: object, rules: dict, where: tuple[str, ...]) -> None:
    """Raise UserError on the first violation of a schema by a part of the config."""
    error = jsonschema.exceptions.best_match(
        VALIDATOR(rules | {"$defs": schema()["$defs"]}).iter_errors(values)
    )
    if error is not None:
        raise UserError("config: " + explain(error, where))


def check_own(values: object, where: tuple[str, ...]) -> None:
    """Raise UserError on a number that YAML took for text, in settings that have no schema: those
    of a method's own file.
    """
    if isinstance(values, Mapping):
        for key, inner in values.items():
            check_own(inner, (*where, str(key)))
    elif isinstance(values, list):
        for number, inner in enumerate(values):
            check_own(inner, (*where, str(number)))
    elif isinstance(values, str) and EXPONENT.fullmatch(values):
        found = number_in(values)
        if found is not None:
            raise UserError(
                f"config: {'.'.join(where)} is {json.dumps(values)}, a text: {_as_number(found)}"
            )


def number_in(value: object, *, whole: bool = False) -> int | float | None:
    """Return the finite number that a text spells, None if it spells none.

    Args:
        whole: whole numbers alone.
    """
    try:
        found = float(value) if isinstance(value, str) else math.nan
    except ValueError:
        return None
    if not math.isfinite(found) or (whole and not found.is_integer()):
        return None
    return int(found) if whole else found


def _as_number(number: int | float) -> str:
    """Return how to write a number so that YAML takes it for one."""
    mantissa, exponent, power = repr(number).partition("e")
    point = "" if "." in mantissa or not exponent else ".0"
    written = f"{mantissa}{point}e{int(power):+d}" if exponent else mantissa
    return f"write {written}; in quotes, or as 1e-5 or 1.0e5, it is text to YAML"


def explain(error: jsonschema.ValidationError, prefix: tuple[str, ...] = ()) -> str:
    """Return a schema violation as one line: key, value, what is allowed."""
    path = [*prefix, *error.absolute_path]
    where = ".".join(str(part) for part in path) or "the top level"
    value: object = error.instance
    rule: object = error.validator_value
    if error.validator == "anyOf" and (inner := _branch(error)) is not error:
        return explain(inner, prefix)
    if "propertyNames" in error.schema_path and error.validator == "pattern":
        return (
            f"{where}: {value!r} cannot be a name; one has small letters (a-z), digits and"
            " underscores, a letter first"
        )
    if "propertyNames" in error.schema_path:
        return str(unknown("key", value, rule if isinstance(rule, list) else [], setting=where))
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
        kinds = [rule] if isinstance(rule, str) else rule
        told = f"{where} is {json.dumps(value)}; it must be of type {' or '.join(kinds)}"
        number = number_in(value, whole="number" not in kinds) if NUMBERS & set(kinds) else None
        return f"{told}: {_as_number(number)}" if number is not None else told
    return f"{where} is {json.dumps(value)}; {error.message}"
