"""Hidden test splits, whose labels are not public: texts and their index, for GLUE's leaderboard.

Labels that such data have are not read: they say nothing (-1), or are of another use. No torch.
"""

import pandas as pd

from smartbert.data.files import check_columns, read_files
from smartbert.data.folders import hidden_layout, hidden_setting
from smartbert.data.settings import SETTING
from smartbert.data.sources import indices, of_hub, saved, text_of
from smartbert.errors import UserError
from smartbert.leaderboard import ENDING, HIDDEN, Sheet
from smartbert.tasks import TASKS


def load_hidden(sheet: Sheet, path: str) -> pd.DataFrame:
    """Return a file's split in the order of its index.

    Columns: the task's texts, `label` (-1 throughout) and `idx`, from 0 on.

    Raises:
        UserError: if it cannot be read, or is not the split that the leaderboard has.
    """
    if sheet.task is None:
        raise ValueError(f"no model answers {sheet.name}")
    texts = TASKS[sheet.task].columns
    where = f"{path} ({sheet.source}, split {sheet.split!r})"
    layout = hidden_layout(sheet, path)
    if layout is None:
        frame, _ = of_hub(path, sheet.source, sheet.split, SETTING, hidden_setting(sheet))
    elif layout.kind == "saved":
        frame, _ = saved(layout.files[sheet.split], where, SETTING)
    else:
        files = layout.files[sheet.split]
        table, _, header = read_files(files, [*texts, "idx"], layout.csv, where)
        check_columns(header, texts, where)
        frame = pd.DataFrame({name: pd.Series(own, dtype=object) for name, own in table.items()})
    check_columns(list(frame.columns), texts, where)
    return _checked(frame.reset_index(drop=True), sheet, texts, where)


def _checked(frame: pd.DataFrame, sheet: Sheet, texts: tuple[str, ...], where: str) -> pd.DataFrame:
    if len(frame) != sheet.rows:
        raise UserError(
            f"{where}: {len(frame):,} rows; the leaderboard's {sheet.name}{ENDING} takes"
            f" {sheet.rows:,}; set {SETTING}"
        )
    numbers = indices(frame, where)
    if sorted(numbers) != list(range(len(numbers))):
        raise UserError(
            f"{where}: column 'idx' does not count the rows from 0 on, as the leaderboard does"
        )
    read = {column: text_of(frame[column], column, where) for column in texts}
    found = pd.DataFrame(read).assign(label=HIDDEN, idx=numbers)
    return found.sort_values("idx", ignore_index=True)
