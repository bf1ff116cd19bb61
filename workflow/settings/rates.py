"""Rates: trainings that differ in the learning rate of their heads, as entries of the config."""

from smartbert.errors import UserError, unknown
from workflow.settings.entries import entry, method_settings, record


def rate_key(config: dict, name: str) -> str:
    """Return the setting that is the rate of an entry's heads: `learning_rate` where they are all
    that trains, else `heads_rate`.

    Raises:
        UserError: if the entry trains no heads of its own, or its method is not registered.
    """
    own = record(config, name)
    if own is not None and own.frozen is not None:
        return "learning_rate"
    if own is not None and "heads_rate" in own.settings and entry(config, name, "reads") is None:
        return "heads_rate"
    raise UserError(
        f"config: rates.entries has {name!r}, whose method has no learning rate of heads"
        " (`heads_rate`, or heads on frozen layers); take it out there"
    )


def used_rate(config: dict, task: str, name: str) -> float:
    """Return the rate of an entry's heads on a task."""
    settings = method_settings(config, task, name)
    own = settings.get(rate_key(config, name))
    return float(settings["learning_rate"] if own is None else own)


def rate_members(config: dict, name: str) -> dict[str, float]:
    """Return an entry's trainings by rate: itself with its own, entries like it with others."""
    used = {used_rate(config, task, name) for task in config["rates"]["tasks"]}
    found = {}
    for value in map(float, config["rates"]["values"]):
        spelt = f"{value:g}".translate({ord("."): "_", ord("-"): "_", ord("+"): "_"})
        found[name if used == {value} else f"{name}_rate_{spelt}"] = value
    return found


def rate_runs(config: dict) -> list[tuple[str, str, int]]:
    """Return the runs (task, entry, seed) that `rates` compares."""
    own = config["rates"]
    return [
        (task, member, own["seed"])
        for name in own["entries"]
        for member in rate_members(config, name)
        for task in own["tasks"]
    ]


def add_rates(config: dict) -> None:
    """Add the entries that `rates` compares to the config's `methods`.

    Raises:
        UserError: if it names an entry that is not there, or one without such a rate, or if an
            entry of one's own has a name that it gives.
    """
    for name in config["rates"]["entries"]:
        if name not in config["methods"]:
            raise unknown("method", name, config["methods"], setting="rates.entries in the config")
        key = rate_key(config, name)
        for member, value in rate_members(config, name).items():
            made = {"like": name, key: value}
            if member != name and config["methods"].setdefault(member, made) != made:
                raise UserError(
                    f"config: methods has {member!r}, which is what `rates` calls {name!r} with"
                    f" {key} {value:g}; give yours another name"
                )
            for task in config["rates"]["tasks"]:
                if used_rate(config, task, member) != value:  # the task has a rate of its own
                    config["task_settings"].setdefault(task, {})[member] = {key: value}
