"""Plan: what a run consists of: its entries, ablations, figures, and the manifest that says so."""

from baselines.registry import METHODS
from smartbert.manifest import (
    FAMILIES,
    REFERENCE,
    SKIPS,
    SUBJECT,
    Family,
    Manifest,
    Role,
    ShownMethod,
    complete_looks,
    split_lines,
)
from smartbert.points import MAIN, PER_LAYER
from smartbert.tasks import TASKS, task
from workflow.settings.entries import (
    by_task,
    compared,
    entry,
    groups,
    method_settings,
    names_in,
    record,
    registered,
    seeds,
    title,
    traces,
)


def groups_of(config: dict, names: list[str]) -> dict[str, list[str]]:
    """Return the methods of some entries as tables show them, each with all entries behind it:
    those of them that are compared, else those that appear in an ablation, else all.
    """
    every = groups(config, list(config["methods"]))
    seen = (compared(config), shown_entries(config), config["methods"])
    return {
        group: next(found for some in seen if (found := [n for n in every[group] if n in some]))
        for group in groups(config, names)
    }


def shown_entries(config: dict) -> list[str]:
    """Return the entries that appear anywhere: those compared, and the ablations'."""
    ablated = [one for name in TASKS for one in ablation_entries(config, name)]
    return list(dict.fromkeys([*compared(config), *ablated]))


def variants(config: dict, name: str) -> list[str]:
    """Return the variants that a task's ablation shows."""
    return names_in(by_task(config["ablations"]["methods"], name))


def ablation_entries(config: dict, name: str) -> list[str]:
    """Return the entries that a task's ablation needs: reference, subject, variants, trainings with
    another lambda.
    """
    names = [REFERENCE, SUBJECT, SKIPS, *variants(config, name), *lambda_grid(config, name)]
    return list(dict.fromkeys(names))


def entries_of(config: dict, name: str) -> list[str]:
    """Return the entries that a run shows of a task: those compared, and its ablation's where that
    belongs to the run.
    """
    ablated = ablation_entries(config, name) if name in config["ablations"]["tasks"] else []
    return list(dict.fromkeys([*compared(config, name), *ablated]))


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
    tuned in the main space alone, the only one in which it is shown.
    """
    if method in groups(config, [*compared(config), SUBJECT]):
        return config["tuning"]
    return {**config["tuning"], "spaces": [MAIN]}


def read_from(config: dict, name: str) -> str | None:
    """Return the entry whose traces an entry reads in place of being recorded itself, None if it is
    recorded.

    That is the one it `reads`; or, of a method whose model others continue and leave as it is, one
    of those, where it is recorded wherever this one would be.
    """
    if (said := entry(config, name, "reads")) is not None:
        return said
    own = record(config, name)
    if own is None or own.rows_from is None:
        return None
    shown = [compared(config, task) for task in config["tasks"]]
    shown += [ablation_entries(config, task) for task in TASKS]
    lists = [names for names in shown if name in names]
    for other in config["methods"]:
        if (
            registered(config, other) == own.rows_from
            and entry(config, other, "source") is None
            and entry(config, other, "continues") == name
            and all(other in names for names in lists)
            and all(_same_threshold(config, task, name, other) for task in config["tasks"])
            and all(
                set(seeds(config, task, name)) <= set(seeds(config, task, other))
                for task in config["tasks"]
            )
        ):
            return other if lists else None
    return None


def frozen_pass(config: dict, task: str, name: str) -> str | None:
    """Return the gating of the pass whose states an entry's heads read, None where they cannot be
    held: with dropout in the frozen layers, or padding in the loss, they are never twice the same.

    The entry has the threshold and the precision of the one it continues, so that the states are
    those of any entry that continues it.
    """
    own, parent = record(config, name), entry(config, name, "continues")
    if own is None or own.frozen is None or parent is None or not config["resources"]["states_gb"]:
        return None
    settings = method_settings(config, task, name)
    before = method_settings(config, task, parent)
    padded = (
        "eta" in own.settings and settings.get("eta", 1) > 0 and not settings.get("mask_padding")
    )
    if settings.get("frozen_dropout", True) or padded:
        return None
    gated = own.frozen != "off"
    alike = ["precision", *(["skip_threshold"] if gated else [])]
    return own.frozen if all(settings.get(k) == before.get(k) for k in alike) else None


def _same_threshold(config: dict, task: str, *names: str) -> bool:
    return len({method_settings(config, task, n).get("skip_threshold") for n in names}) == 1


def trainings(config: dict, name: str) -> tuple[tuple[str, ...], ...]:
    """Return the trainings behind an entry's traces, in lines: each from one that starts from the
    backbone to the entry's own, along those that it goes on or learns from.
    """
    return trainings_of(config, read_from(config, name) or name)


def trainings_of(config: dict, name: str) -> tuple[tuple[str, ...], ...]:
    """Return the lines of an entry's own training, whatever its traces are read from; an empty one
    where that was elsewhere.
    """
    if traces(config, name) is not None:
        return ((),)
    before = [entry(config, name, key) for key in ("continues", "teacher")]
    lines = [(*line, name) for one in before if one for line in trainings_of(config, one)]
    return tuple(lines) or ((name,),)


def manifest(
    config: dict,
    tasks: list[str] | None = None,
    *,
    names: list[str] | None = None,
    kept: dict[str, dict[str, tuple[int, ...]]] | None = None,
    trained: bool = True,
) -> Manifest:
    """Return what a run, or some tasks of it, consists of.

    Args:
        tasks: these alone; they are to be had without their ablation.
        names: entries shown; those compared by default.
        kept: by task and entry the seeds whose traces are taken from kept ones.
        trained: whether anything is trained.
    """
    # No variable here is called `task`, as the function: Python 3.12.1 takes one for the other.
    of = {one: names or compared(config, one) for one in tasks or config["tasks"]}
    found = groups_of(config, list(dict.fromkeys(name for own in of.values() for name in own)))
    looks = {group: METHODS[group].look for group in found if group in METHODS}
    drawn = complete_looks(looks, found)
    lines = None
    if trained:
        lines = {name: trainings(config, name) for members in found.values() for name in members}
    return Manifest(
        tasks={name: task(name) for name in of},
        seeds={name: tuple(seeds(config, name)) for name in of},
        shown={
            name: {
                group: tuple(seeds(config, name, found[group][0])) for group in groups(config, own)
            }
            for name, own in of.items()
        },
        methods={
            group: ShownMethod(
                members=tuple(members),
                title=title(config, group),
                role=_role(config, members[0]),
                look=drawn[group],
                family=_family(config, members[0]),
                beside=own.beside if (own := record(config, members[0])) else (),
            )
            for group, members in found.items()
        },
        spaces=tuple(config["tuning"]["spaces"]),
        trainings=lines,
        ablated=() if tasks else tuple(config["ablations"]["tasks"]),
        reads={n: other for m in found.values() for n in m if (other := read_from(config, n))},
        kept={one: own for one, own in (kept or {}).items() if one in of},
    )


def _family(config: dict, name: str) -> Family | None:
    """Return the family of an entry's rows, None where the config does not say it."""
    said = entry(config, name, "family")
    return next((family for family in FAMILIES if family == said), None)


def _role(config: dict, name: str) -> Role:
    """Return the role of an entry: its method's; only one entry is the reference, and one ours."""
    own = record(config, name)
    if own is None:
        return "rival"
    return own.role if name == own.name or own.role == "rival" else "control"


def figures(config: dict) -> list[str]:
    """Return the names of a run's figures."""
    spaces = config["tuning"]["spaces"]
    tasks = config["tasks"]
    names = [*tasks, "glue", "exits", "usage", "lengths"]
    if split_lines(groups(config, compared(config)))[1]:
        names += [f"{name}-others" for name in [*tasks, "glue"]]
    names += [f"{name}-{kind}" for kind in ("trials", "usage") for name in tasks]
    return names + [f"{name}-per-layer" for name in [*tasks, "glue"] if PER_LAYER in spaces]
