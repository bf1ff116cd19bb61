"""Validation: check a merged config before anything runs.

A mistake ends in one line that names the key, the value and what is allowed.
"""

import ast
from pathlib import Path

from baselines.registry import METHODS, source_file
from smartbert import metrics
from smartbert.data.backbones import check_positions
from smartbert.errors import UserError, unknown
from smartbert.manifest import REFERENCE, SUBJECT
from smartbert.tasks import TASKS
from workflow.settings.entries import (
    ENTRY_KEYS,
    compared,
    entry,
    groups,
    is_read,
    lineage,
    names_in,
    parents,
    record,
    registered,
    seeds,
    teacher,
    title,
    trace_files,
    traces,
)
from workflow.settings.heads import check_heads
from workflow.settings.kept import Kept, decide
from workflow.settings.options import data_layout
from workflow.settings.own_tasks import complete_own_tasks, name_own_tasks
from workflow.settings.paths import expand_home
from workflow.settings.plan import ablation_entries, entries_of, variants
from workflow.settings.rates import add_rates
from workflow.settings.schema import check, check_own, check_plain, entry_schema, schema


def validate(config: dict) -> Kept:
    """Check a merged config, add the entries that `rates` compares; return what of its run is kept.

    Raises:
        UserError: one line on the first violation.
    """
    check_plain(config, ())
    name_own_tasks(config)
    check(config, schema(), ())
    expand_home(config)
    complete_own_tasks(config)
    for name in config["tasks"]:
        metrics.check(TASKS[name])
    ablated = config["ablations"]
    ablated["tasks"] = [name for name in ablated["tasks"] if name in config["tasks"]]
    _check_entries(config)
    add_rates(config)
    _check_entries(config)  # those that were added, too
    listed = _listed(config)
    _one_criterion(config)
    _check_variants(config, listed)
    parents(config)
    for name in config["methods"]:
        _check_start(config, name)
        _check_reading(config, name)
    _check_folders(config)
    _check_titles(config)
    _check_own_names(config)
    for name in config["tasks"]:
        if REFERENCE not in compared(config, name):
            raise UserError(
                f"config: compare lacks {REFERENCE!r} on {name}, the reference of every ratio"
            )
        _check_seeds(config, name)
    _check_members(config)
    _check_tasks(config)
    check_heads(config)
    _check_traces(config)
    kept = decide(config)
    if not kept.complete:
        _check_data(config, kept)
        check_positions(config["backbone"]["path"], config["data"]["max_length"])
    return kept


def _check_own_names(config: dict) -> None:
    """Raise UserError if a method that claims and ratios go by appears as a part of another."""
    for name in (REFERENCE, SUBJECT):
        if (group := entry(config, name, "group")) not in (None, name):
            raise UserError(
                f"config: methods.{name}.group is {group!r}; {name} appears under its own name,"
                " which claims and ratios go by; take `group` out"
            )


def _check_seeds(config: dict, name: str) -> None:
    """Raise UserError if an entry has a seed on a task that dense BERT has not."""
    known = seeds(config, name, REFERENCE)
    for other in entries_of(config, name):
        if lost := [seed for seed in seeds(config, name, other) if seed not in known]:
            raise UserError(
                f"config: {other!r} has seed {lost[0]} on {name}, for which {REFERENCE!r}, the"
                f" reference of every ratio, has none; known: {', '.join(map(str, known))}; set"
                f" `methods.{other}.seeds` or `methods.{REFERENCE}.seeds`"
            )


def _check_members(config: dict) -> None:
    """Raise UserError if a group has other entries on one task than on another."""
    found: dict[str, tuple[str, list[str]]] = {}
    for name in config["tasks"]:
        for group, members in groups(config, compared(config, name)).items():
            first, others = found.setdefault(group, (name, members))
            if members != others:
                raise UserError(
                    f"config: group {group!r} has the entries {', '.join(others)} on {first} and"
                    f" {', '.join(members)} on {name}; set the same ones in every list of `compare`"
                )


def _check_entries(config: dict) -> None:
    """Raise UserError on a key or value that an entry under `methods` cannot have."""
    keys = {"type": "object", "properties": schema()["$defs"]["entry"]}
    for name, own in config["methods"].items():
        check(own, keys, ("methods", name))
    for name, own in config["methods"].items():
        lineage(config, name)
        check(own, entry_schema(config, name), ("methods", name))
        if entry(config, name, "source") is not None:
            check_own({k: v for k, v in own.items() if k not in ENTRY_KEYS}, ("methods", name))


def _listed(config: dict) -> dict[str, list[str]]:
    """Return the lists of variants, by the key that has them.

    Raises:
        UserError: if one of them, or `compare`, names what is not in the config.
    """
    listed = _lists(config["ablations"]["methods"], "ablations.methods")
    for key, names in {**_lists(config["compare"], "compare"), **listed}.items():
        for name in names:
            if name not in config["methods"]:
                raise unknown("method", name, config["methods"], setting=f"{key} in the config")
    return listed


def _lists(value: object, key: str) -> dict[str, list[str]]:
    """Return the lists of a setting that may be one or several by task, by what names them."""
    if isinstance(value, dict):
        return {f"{key}.{name}": names_in(own) for name, own in value.items()}
    return {key: names_in(value)} if isinstance(value, list) else {}


def _check_tasks(config: dict) -> None:
    """Raise UserError on what is set for single tasks: their settings and splits."""
    for name, own in config["task_settings"].items():
        for part, values in own.items():
            if part == "training":
                part_schema = schema()["properties"]["training"]
            elif part in config["methods"]:
                part_schema = entry_schema(config, part, task=True)
            else:
                known = ["training", *config["methods"]]
                raise unknown("method", part, known, setting=f"task_settings.{name}")
            check(values, {**part_schema, "required": []}, ("task_settings", name, part))
            if part != "training" and entry(config, part, "source") is not None:
                check_own(values, ("task_settings", name, part))
    for name, given in config["data"]["splits"].items():
        expected = len(TASKS[name].test)
        if "test" in given and len(given["test"]) != expected:
            raise UserError(f"config: data.splits.{name}.test needs {expected} split name(s)")


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
                f"config: ablations.tasks has {name!r}, and ablations.methods names none; name the"
                " variants there, or take the task out"
            )


def _check_start(config: dict, name: str) -> None:
    """Raise UserError if an entry lacks the file that defines it, or the model it goes on from or
    learns from.
    """
    if (path := entry(config, name, "source")) is not None:
        _check_syntax(name, source_file(name, path))
    teacher(config, name)
    for key in ("continues", "teacher"):
        other = entry(config, name, key)
        if other is not None and other in config["methods"] and is_read(config, other):
            raise UserError(
                f"config: methods.{name}.{key} is {other!r}, which reads another entry's traces and"
                " has no model; set it to an entry that is trained"
            )
        if other and is_read(config, name):
            raise UserError(
                f"config: methods.{name} reads another entry's traces and trains nothing, but has"
                f" `{key}: {other}`; take one of the two out"
            )
    own = record(config, name)
    if own and own.continues and entry(config, name, "continues") is None:
        raise UserError(
            f"config: methods.{name} is a {own.name}, which goes on from a trained model: set"
            f" `methods.{name}.continues` to the entry that trains it"
        )


def _check_reading(config: dict, name: str) -> None:
    """Raise UserError if an entry lacks the one whose traces it reads, or cannot read any."""
    own = record(config, name)
    read = entry(config, name, "reads")
    if own and own.reads and read is None:
        raise UserError(
            f"config: methods.{name} is a {own.name}, which reads another entry's traces: set"
            f" `methods.{name}.reads` to that entry"
        )
    if read is None:
        return
    if own and not own.reads:
        able = [method.name for method in METHODS.values() if method.reads]
        raise UserError(
            f"config: methods.{name} is a {own.name}, which cannot read another entry's traces;"
            f" allowed are {', '.join(able)}, or a method with a `source`: take"
            f" `methods.{name}.reads` out"
        )
    if read not in config["methods"]:
        raise unknown("method", read, config["methods"], setting=f"methods.{name}.reads")
    if read == name:
        raise UserError(f"config: methods.{name}.reads is {name!r} itself; set it to another entry")
    if entry(config, read, "reads") is not None:
        raise UserError(
            f"config: methods.{name}.reads is {read!r}, which reads traces itself; set it to"
            f" {entry(config, read, 'reads')!r}"
        )


def _check_data(config: dict, kept: Kept) -> None:
    """Raise UserError if the data to train on are not there."""
    try:
        for name in config["tasks"]:
            data_layout(config, name)
    except UserError as error:
        if kept.folder is None:
            raise
        raise UserError(
            f"{error}; data are needed because not all runs are kept: {kept.told()}"
        ) from None


def _one_criterion(config: dict) -> None:
    """Refuse a group whose entries are not of one method: their settings are searched together.

    Raises:
        UserError: naming the group.
    """
    for group, members in groups(config, list(config["methods"])).items():
        kinds = {entry(config, name, "source") or registered(config, name) for name in members}
        if len(kinds) > 1:
            raise UserError(
                f"config: the entries of group {group!r} are of several methods"
                f" ({', '.join(sorted(kinds))}); set `group` to another name in one of them"
            )
        for task in config["tasks"]:
            if len({tuple(seeds(config, task, name)) for name in members}) > 1:
                raise UserError(
                    f"config: the entries of group {group!r} have different seeds on {task}; set"
                    " the same `seeds` in all of them"
                )


UNSAFE = set(" \t\n\"'`$&|;<>()*?[]{}!#\\^")  # to a shell, or to Snakemake's own patterns


def _check_folders(config: dict) -> None:
    """Raise UserError on a folder whose name cannot be a part of commands, or that serves twice."""
    for key in ("results", "traces_from"):
        value = config[key]
        if value and (found := sorted(set(value) & UNSAFE)):
            raise UserError(
                f"config: {key} is {value!r}; it becomes part of commands and must have no spaces,"
                f" quotes, brackets or other signs of the shell, here {found[0]!r}"
            )
        if value and value != "/" and value.endswith("/"):
            raise UserError(f"config: {key} is {value!r}; take the slash at its end off")
    if found := sorted(set(config["backbone"]["path"]) & set("{}")):
        raise UserError(
            f"config: backbone.path is {config['backbone']['path']!r}; it must have no"
            f" {found[0]!r}, a sign of Snakemake's own patterns"
        )
    own, kept = Path(config["results"]), config["traces_from"]
    if kept and Path(kept).resolve() == own.resolve():
        raise UserError(
            f"config: traces_from and results are both {config['results']!r}; set `results` to a"
            " folder of its own"
        )


def _check_traces(config: dict) -> None:
    """Raise UserError if traces from elsewhere are asked for and not there."""
    for task in config["tasks"]:
        for name in entries_of(config, task):
            if (folder := traces(config, name)) is None:
                continue
            for seed in seeds(config, task, name):
                lost = [p for p in trace_files(config, name, task, seed) if not Path(p).exists()]
                if lost:
                    raise UserError(
                        f"config: methods.{name}.traces is {folder!r}, which lacks"
                        f" {Path(lost[0]).relative_to(folder)}; write it there (docs/traces.md), or"
                        f" set `methods.{name}.seeds` and `compare` to what is there"
                    )


def _check_titles(config: dict) -> None:
    """Raise UserError if two methods that tables show together have one title."""
    shown = [list(groups(config, compared(config)))]
    shown += [ablation_entries(config, name) for name in config["ablations"]["tasks"]]
    for names in shown:
        by_title: dict[str, str] = {}
        for name in names:
            own = _title(config, name)
            other = by_title.setdefault(own, name)
            if other != name:
                raise UserError(
                    f"config: methods {other!r} and {name!r} are both called {own!r} in tables; set"
                    f" `methods.{name}.title`"
                )


def _title(config: dict, group: str) -> str:
    """Return how tables call a method, as far as is known without loading a `source` file."""
    found = groups(config, list(config["methods"]))
    member = found.get(group, [group])[0]
    said = title(config, group) if group in found else entry(config, member, "title")
    if said:
        return said
    if traces(config, member) is not None:
        return member  # its trace says it
    own = record(config, member)
    return own.title if own else f"{entry(config, member, 'source')}"


def _check_syntax(name: str, path: Path) -> None:
    try:
        ast.parse(path.read_bytes(), str(path))
    except (SyntaxError, ValueError) as error:
        raise UserError(f"method {name!r}: {path} is no valid Python file: {error}") from error
