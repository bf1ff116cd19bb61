"""What all scripts share: run offline, and end a user's mistake in one line."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from smartbert.errors import UserError
from smartbert.manifest import Manifest
from smartbert.provenance import Provenance

if TYPE_CHECKING:
    from smartbert.points import Tuned


def run(main: Callable[[], None]) -> None:
    """Call a script's main; print a user's mistake as one line and leave with status 1."""
    try:
        main()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


def quiet() -> None:
    """Silence what libraries say in passing; our own progress lines are enough."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    logging.getLogger("datasets").setLevel(logging.ERROR)


def manifest(path: str) -> Manifest:
    """Return the manifest that a rule hands over, its tasks' records adopted."""
    return Manifest.read(Path(path)).adopt()


def same_weights(
    tuned: Tuned, entry: str, provenance: Provenance, read: Iterable[Path] = ()
) -> None:
    """Raise UserError if thresholds were chosen for other weights than a model has.

    Args:
        read: provenance of the trainings that may have been recorded in its place: those that go on
            from it and leave what it is as it was.
    """
    member = tuned.members.get(entry)
    if member is None or member.model in ("", provenance.weights):
        return
    recorded = [Provenance.read(path) for path in read]
    if (member.model, provenance.weights) not in [(one.weights, one.parent) for one in recorded]:
        raise UserError(
            f"the thresholds of {tuned.task}/{tuned.method}/seed{tuned.seed} were chosen on kept"
            f" traces of other weights than {entry} has here; call without `traces_from` (or with"
            " another `results`), so that both are of one training"
        )


def offline() -> None:
    """Forbid the network; only the rules in `data.smk` may use it."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["HF_DATASETS_OFFLINE"] = "1"
    quiet()
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
