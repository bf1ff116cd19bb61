"""Hidden test splits as the hub has GLUE's: its columns, labels of -1, an index from 0 on."""

import pandas as pd

from smartbert.leaderboard import SHEETS
from smartbert.tasks import TASKS


def hidden(name: str, rows: int | None = None) -> pd.DataFrame:
    """Return the split that a file of the leaderboard is made of, of its own size by default."""
    sheet = SHEETS[name]
    count = sheet.rows if rows is None else rows
    texts = {
        column: [f"good film {number} not {column}" for number in range(count)]
        for column in TASKS[sheet.task].columns
    }
    return pd.DataFrame({**texts, "label": -1, "idx": range(count)})
