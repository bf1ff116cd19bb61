"""Order: which rows are trained first, where a run ends before all of them are."""

from workflow.settings.entries import compared, entry, needed, seeds
from workflow.settings.kept import Kept, Key, asked
from workflow.settings.plan import read_from
from workflow.settings.rates import rate_runs


def rows(config: dict) -> list[Key]:
    """Return the runs that a config asks for, those first that say most for their time.

    The steps are: the first seed on the tasks of the ablations, which decide; on those with several
    seeds; on the others; further seeds; variants of ablations. In each: matched entries before
    released ones, then the tasks in the config's order.
    """
    tasks = list(dict.fromkeys([*config["ablations"]["tasks"], *config["tasks"]]))

    def place(row: Key) -> tuple[bool, bool, int, bool, int, int]:
        task, name, seed = row
        every = seeds(config, task)
        of_task = 0 if task in config["ablations"]["tasks"] else 1 if len(every) > 1 else 2
        variant = name not in compared(config, task)
        released = entry(config, name, "family") == "released"
        return variant, seed != every[0], of_task, released, tasks.index(task), seed

    return sorted(asked(config), key=place)


def sources(config: dict) -> dict[Key, Key]:
    """Return those rows in their order, each with the run whose traces it reads, or with itself."""
    every = rows(config)
    read = {name: read_from(config, name) or name for name in {name for _, name, _ in every}}
    return {(task, name, seed): (task, read[name], seed) for task, name, seed in every}


def turns(config: dict) -> dict[Key, float]:
    """Return the turn of every training, above 0 and at most 1: that of the first row that needs
    it, the higher the earlier.
    """
    behind = dict.fromkeys(sources(config).values())
    found: dict[Key, float] = {}
    for place, (task, name, seed) in enumerate(behind):
        for one in [*needed(config, name), name]:
            found.setdefault((task, one, seed), 1 - place / len(behind))
    return found


def missing(config: dict, kept: Kept) -> list[Key]:
    """Return the runs to record for the rows that are not kept, in their order."""
    return [key for key in dict.fromkeys(sources(config).values()) if key not in kept.taken]


def missing_rates(config: dict, kept: Kept) -> list[Key]:
    """Return the runs that `rates` compares and that are not kept."""
    return [key for key in rate_runs(config) if key not in kept.taken]
