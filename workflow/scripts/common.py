"""What all scripts share: run offline, and end a user's mistake in one line."""

import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from smartbert.errors import UserError
from smartbert.files import whole


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


def offline() -> None:
    """Forbid the network; only the rules `backbone` and `task_data` may use it."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["HF_DATASETS_OFFLINE"] = "1"
    quiet()
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()


def read_columns(path: Path) -> dict[str, list]:
    """Return the columns of a split as plain lists."""
    import pyarrow.parquet

    columns = ("input_ids", "token_type_ids", "label", "length", "idx", "subset")
    try:
        table = pyarrow.parquet.read_table(path, columns=list(columns))
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {path}: {error}; delete it and run again") from None
    return {name: table[name].to_pylist() for name in columns}


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a table with enough digits to be exact in points, the same on every machine."""
    with whole(path) as partial:
        frame.to_csv(partial, index=False, float_format="%.6f", lineterminator="\n")
