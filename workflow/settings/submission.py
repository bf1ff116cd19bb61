"""Submission: whose answers go to GLUE's leaderboard, and whether they can be had."""

from smartbert.data.folders import hidden_layout
from smartbert.data.layouts import Layout
from smartbert.errors import UserError, unknown
from smartbert.leaderboard import Sheet, sheet, sheets_of
from smartbert.points import SPACES, points_of
from workflow.settings.entries import by_task, groups, is_read, seeds
from workflow.settings.plan import groups_of, tuning


def members(config: dict) -> list[str]:
    """Return the trainings behind the method that answers."""
    name = config["submission"]["method"]
    return groups_of(config, list(config["methods"]))[name]


def point(config: dict, task: str) -> str:
    """Return the operating point at which a task is answered."""
    return str(by_task(config["submission"]["point"], task))


def answered(config: dict) -> list[Sheet]:
    """Return the leaderboard's files that models of the run's tasks write."""
    return sheets_of(config["tasks"])


def layout(config: dict, name: str) -> Layout:
    """Return where a local data folder has a file's split; no files where the data are none.

    Raises:
        UserError: if it has no such split.
    """
    return hidden_layout(sheet(name), config["data"]["path"]) or Layout("plain", {})


def check_asked(config: dict) -> None:
    """Raise UserError if the files are asked for and this run cannot make them: its method, seed,
    thresholds, data. To be called before anything is trained; a run that asks for none needs none
    of this.
    """
    sheets = answered(config)
    if not sheets:
        raise UserError("config: tasks has none of GLUE's, of which the leaderboard takes answers")
    _check_method(config)
    _check_points(config)
    own = config["submission"]
    for task in dict.fromkeys(str(one.task) for one in sheets):
        known = seeds(config, task, members(config)[0])
        if own["seed"] not in known:
            raise UserError(
                f"config: submission.seed is {own['seed']}, which {own['method']!r} has not on"
                f" {task}; known: {', '.join(map(str, known))}"
            )
    for one in sheets:
        layout(config, one.name)


def _check_method(config: dict) -> None:
    """Raise UserError if the method is none, or has no model that could answer."""
    name = config["submission"]["method"]
    known = groups(config, list(config["methods"]))
    if name not in known:
        raise unknown("method", name, known, setting="submission.method in the config")
    if any(is_read(config, member) for member in members(config)):
        raise UserError(
            f"config: submission.method is {name!r}, which reads another entry's traces and has no"
            " model; set it to a method that is trained"
        )


def _check_points(config: dict) -> None:
    """Raise UserError if thresholds are not searched in the space, or not chosen for a point."""
    own = config["submission"]
    spaces = tuning(config, own["method"])["spaces"]
    if own["space"] not in spaces:
        raise UserError(
            f"config: submission.space is {own['space']!r}, and {own['method']!r} is tuned in"
            f" {', '.join(spaces)}; set `submission.space`, `tuning.spaces` or `compare`"
        )
    points = own["point"] if isinstance(own["point"], dict) else {"": own["point"]}
    for task, name in points.items():
        if name not in points_of(own["space"]):
            raise UserError(
                f"config: submission.point{task and '.'}{task} is {name!r}, which is not chosen in"
                f" space {own['space']!r}; allowed are {', '.join(points_of(own['space']))}, or"
                f" `submission.space: {SPACES[0]}`"
            )
