"""What all scripts share: run offline, and end a user's mistake in one line."""

from __future__ import annotations

import csv
import logging
import math
import os
import sys
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING

from smartbert.errors import UserError
from smartbert.files import whole

if TYPE_CHECKING:
    import pandas as pd

DIGITS = "%.6f"  # exact in points, and the same on every machine


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
    """Write a table as csv."""
    with whole(path) as partial:
        frame.to_csv(partial, index=False, float_format=DIGITS, lineterminator="\n")


def write_rows(rows: list[dict], path: Path, *, columns: Sequence[str] | None = None) -> None:
    """Write rows as csv without pandas: what a row lacks, None and NaN are empty cells.

    Args:
        columns: those of an empty table; by default the keys of all rows.
    """
    columns = dict.fromkeys(key for row in rows for key in row) if columns is None else columns
    with whole(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(columns)
        for row in rows:
            table.writerow(_cell(row.get(key)) for key in columns)


def _cell(value: object) -> object:
    if isinstance(value, Integral) or not isinstance(value, Real):  # numpy's numbers are these, too
        return value
    return "" if math.isnan(value) else DIGITS % value
