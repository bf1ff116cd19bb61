"""Entries: what the config's `methods` are, what each continues, is like and is shown as."""

from pathlib import Path

from baselines.registry import METHODS
from smartbert.errors import UserError, unknown
from smartbert.manifest import MethodRecord
from smartbert.results import TRACES, Run
from smartbert.tasks import task

# What an entry under `methods` says about itself, beside settings of its training.
ENTRY_KEYS = (
    *("method", "source", "like", "continues", "teacher", "reads", "traces"),
    *("group", "label", "title", "family", "seeds"),
)
INHERITED = ("method", "source", "continues", "teacher", "reads")  # what `like` hands on


def groups(config: dict, names: list[str]) -> dict[str, list[str]]:
    """Return the methods as tables show them, each with the entries (trainings) behind it."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(entry(config, name, "group") or name, []).append(name)
    return found


def title(config: dict, group: str) -> str | None:
    """Return the config's title of a method: its own entry's, or its first one's."""
    members = groups(config, list(config["methods"]))[group]
    chosen = group if group in members else members[0]
    return entry(config, chosen, "title")


def by_task(value: object, name: str) -> object:
    """Return what a setting is on a task: the value itself, or a mapping's for the task, or its
    `default`.
    """
    return value.get(name, value.get("default")) if isinstance(value, dict) else value


def seeds(config: dict, name: str, entry_name: str | None = None) -> list[int]:
    """Return the seeds of a task, or of an entry on it where that names its own."""
    own = None if entry_name is None else config["methods"][entry_name].get("seeds")
    found = by_task(config["seeds"] if own is None else own, name)
    return list(found if isinstance(found, list) else [])


def compared(config: dict, name: str | None = None) -> list[str]:
    """Return the entries that are compared on a task, or on any task of the run."""
    tasks = [name] if name else config["tasks"]
    lists = [names_in(by_task(config["compare"], task)) for task in tasks]
    return list(dict.fromkeys(one for own in lists for one in own))


def names_in(value: object) -> list[str]:
    """Return the names of a list, those of lists within it in their place; none of what is none."""
    if not isinstance(value, list):
        return []
    return [name for one in value for name in (names_in(one) if isinstance(one, list) else [one])]


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


def record(config: dict, name: str) -> MethodRecord | None:
    """Return the record of an entry's registered method, None if a file of its own defines it, or
    only traces of it are given.
    """
    if entry(config, name, "source") is not None or traces(config, name) is not None:
        return None
    return METHODS.get(registered(config, name))


def module(config: dict, name: str) -> str:
    """Return the module, or file, that defines an entry's method."""
    return entry(config, name, "source") or METHODS[registered(config, name)].module


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


def teacher(config: dict, name: str) -> str | None:
    """Return the entry whose trained model an entry learns from, None if it has no teacher.

    Raises:
        UserError: if that one is not in the config, or comes of this one's training itself.
    """
    found = entry(config, name, "teacher")
    if found is None:
        return None
    if found not in config["methods"]:
        raise unknown("method", found, config["methods"], setting=f"methods.{name}.teacher")
    if name in (found, *needed(config, found, seen=(name,))):
        raise UserError(f"config: methods.{name}.teacher leads back to {name!r}")
    return found


def needed(config: dict, name: str, *, seen: tuple[str, ...] = ()) -> list[str]:
    """Return the entries whose trained models an entry's training needs, each after those that it
    needs itself.

    Args:
        seen: entries on the way here, which are not followed again.
    """
    before: list[str] = []
    for key in ("continues", "teacher"):
        other = entry(config, name, key)
        if other is not None and other in config["methods"]:
            own = [] if other in seen else needed(config, other, seen=(*seen, name))
            before += [*own, other]
    return list(dict.fromkeys(before))


def is_read(config: dict, name: str) -> bool:
    """Return whether an entry takes its traces from another one's, or from elsewhere, and trains
    nothing.
    """
    return entry(config, name, "reads") is not None or traces(config, name) is not None


def traces(config: dict, name: str) -> str | None:
    """Return the folder with the traces of an entry that another code base has run, else None."""
    return entry(config, name, "traces")


def trace_files(config: dict, name: str, task: str, seed: int | str) -> list[str]:
    """Return the traces of tune and test that such an entry has of a task and seed, compressed
    where they are not there as they are.
    """
    run = Run(Path(traces(config, name) or "", task, f"seed{seed}"))
    found = [(run.trace(split), run.trace(split, packed=True)) for split in TRACES]
    return [str(packed if packed.exists() and not own.exists() else own) for own, packed in found]
