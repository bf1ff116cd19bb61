"""The columns of a prepared split, as training and recording read them. No pandas, no torch."""

from pathlib import Path
from typing import TypedDict

from smartbert.errors import UserError


class Columns(TypedDict):
    """A split of N examples, a list of N for each column.

    Attributes:
        input_ids, token_type_ids: a list of token ids and of segments for each example.
        label: class id; `length`: true tokens; `idx`: GLUE's; `subset`: number of the test subset.
    """

    input_ids: list[list[int]]
    token_type_ids: list[list[int]]
    label: list[int]
    length: list[int]
    idx: list[int]
    subset: list[int]


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
