"""Own tasks: those that a config describes become tasks like GLUE's, before one is asked for."""

from dataclasses import replace
from pathlib import Path

from smartbert.data.folders import is_local
from smartbert.data.own_tasks import OwnTask, own_spec
from smartbert.data.settings import DataSettings, home
from smartbert.errors import UserError
from smartbert.results import Results
from smartbert.tasks import TASKS, TaskData, TaskSpec, adopt, forget_own
from workflow.settings.options import data_settings
from workflow.settings.schema import check, schema

# What files of a run, keys of the config and targets are called.
TAKEN = ("all", "default", "training", "glue", "exits", "usage", "lengths")


def name_own_tasks(config: dict) -> None:
    """Make the names of the tasks that a config describes known, and no others beside GLUE's.

    Raises:
        UserError: if what it says of one cannot be, or a name is taken.
    """
    forget_own()
    described = config["own_tasks"] if isinstance(config.get("own_tasks"), dict) else {}
    check(described, schema()["properties"]["own_tasks"], ("own_tasks",))
    for name, own in described.items():
        if name in (*TAKEN, *TASKS):
            known = ", ".join((*TAKEN, *TASKS))
            raise UserError(f"config: own_tasks.{name}: the name is taken, as are {known}")
        adopt(TaskSpec(name, name, tuple(own["columns"]), ("", ""), own=True))


def complete_own_tasks(config: dict) -> None:
    """Complete the records of the tasks that a config describes, by their data where these are
    here.

    Raises:
        UserError: if a task's data, a split or its labels are missing, or cannot be read.
    """
    for name in config["own_tasks"]:
        adopt(_spec(config, name))


def _spec(config: dict, name: str) -> TaskSpec:
    own = config["own_tasks"][name]
    said = own.get("score", "accuracy")
    score = said if isinstance(said, list) else [said]
    values = {
        **own,
        "score": score,
        "labels": [str(label) for label in own["labels"]] if own.get("labels") else None,
    }
    if (kept := _kept(config, own["path"], name)) is not None:
        return replace(kept, score=tuple(score))  # as the config now says it
    return own_spec(
        name, OwnTask.from_json(values), DataSettings.from_json(data_settings(config, name))
    )


def _kept(config: dict, path: str, name: str) -> TaskSpec | None:
    """Return the record that kept traces have of a task whose data are not here."""
    folder = config.get("traces_from")
    if folder is None or not is_local(path) or Path(home(path)).exists():
        return None
    record = Results(Path(home(folder))).task(name)
    return TaskData.read(record).record if record.exists() else None
