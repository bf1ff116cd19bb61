"""Checkpoints: which of them a killed training resumes from, and which are removed."""

import json
import shutil
from pathlib import Path

from transformers import TrainerState
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_utils import get_last_checkpoint

from smartbert.files import PARTIAL, read_json, write_text


def last_whole_checkpoint(folder: Path) -> str | None:
    """Return the last checkpoint in a folder, None if there is none.

    A training killed while it saved leaves a checkpoint without its state, which is written last:
    that one is removed.
    """
    while folder.is_dir() and (found := get_last_checkpoint(str(folder))):
        state = Path(found) / TRAINER_STATE_NAME
        try:
            TrainerState.load_from_json(str(state))
            return found
        except (OSError, ValueError):
            shutil.rmtree(found)
    return None


def keep_only(folder: Path, made_of: dict) -> None:
    """Keep a folder of checkpoints only if it says that they were made of the same; then, or for
    those to come, it says so.
    """
    record = folder / "made-of.json"
    if not (record.is_file() and read_json(record) == made_of):
        discard(folder)
        write_text(record, json.dumps(made_of) + "\n")


def discard(folder: Path) -> None:
    """Remove a folder of checkpoints. It loses its name first: killed half-way, this leaves nothing
    that a training would resume from.
    """
    if folder.is_dir():
        shutil.rmtree(folder.rename(folder.with_name(f"{PARTIAL}{folder.name}")))
