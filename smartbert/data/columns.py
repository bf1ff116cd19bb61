"""The columns of a prepared split, as training and recording read them. No pandas, no torch."""

from pathlib import Path

from smartbert.errors import UserError
from smartbert.tasks import Columns


def read_columns(path: Path) -> Columns:
    """Return the columns of a split as plain lists.

    Raises:
        UserError: if the file is missing or damaged.
    """
    import pyarrow.parquet

    names = list(Columns.__annotations__)
    try:
        table = pyarrow.parquet.read_table(path, columns=names)
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {path}: {error}; delete it and run again") from None
    columns: Columns = {name: table[name].to_pylist() for name in names}  # type: ignore[assignment]  # its keys are the names
    return columns
