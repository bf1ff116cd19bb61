"""Brought: runs that were kept on another machine, added to those that are kept here."""

import shutil

from smartbert.errors import UserError
from smartbert.results import Results
from smartbert.tasks import TaskData
from workflow.settings.kept import Folder, decide, named


def add(config: dict, brought: Results, kept: Results) -> list[str]:
    """Add to the kept runs those that count and are not kept yet, and the records of trainings
    whose weights they needed; return a line on each of the others.

    Raises:
        UserError: if they were made of other data than those that are kept.
    """
    check_data(brought, kept)
    kept.folder.mkdir(parents=True, exist_ok=True)
    elsewhere, here = ({**config, "traces_from": str(own.folder)} for own in (brought, kept))
    arrived, counted, before = Folder.read(elsewhere), decide(elsewhere).taken, decide(here).taken
    told = []
    for key, own in brought.every_run().items():
        recorded = key in arrived.models
        if key in before or (not recorded and kept.run(*key).provenance.exists()):
            told += [f"{named(key)}: kept already"] if recorded else []
        elif key not in arrived.runs:
            told.append(f"{named(key)}: not taken: the config has no such run")
        elif recorded and key not in counted:
            told.append(f"{named(key)}: not taken: {arrived.difference(key)}")
        else:
            # What was made of older traces is not of these.
            shutil.rmtree(kept.run(*key).folder, ignore_errors=True)
            shutil.copytree(own.folder, kept.run(*key).folder)
    for task in {task for task, _, _ in kept.every_run()}:
        if brought.task(task).exists() and not kept.task(task).exists():
            kept.task(task).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(brought.task(task), kept.task(task))
    return told


def check_data(brought: Results, kept: Results) -> None:
    """Raise UserError if runs were made of other data than those that are kept."""
    for task in sorted({task for task, _, _ in brought.every_run()}):
        if not (brought.task(task).exists() and kept.task(task).exists()):
            continue
        one, other = (TaskData.read(results.task(task)) for results in (brought, kept))
        for split, content in other.splits.items():
            if one.splits[split].sha256 != content.sha256:
                raise UserError(
                    f"the runs of {task} that were brought are of other data ({split}) than those"
                    f" in {kept.folder}; pack anew with this config's data, and run again"
                )
