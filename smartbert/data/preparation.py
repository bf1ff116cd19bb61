"""From raw splits to the three files that training and recording read: cut, tokenised once. No
torch.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from tokenizers import Tokenizer

from smartbert.data.settings import DataSettings, test_splits
from smartbert.data.sources import load_split
from smartbert.data.splits import REPEATED, carve_test, cut, sample
from smartbert.tasks import CARVED, SplitRecord, TaskSpec


@dataclass(frozen=True)
class Prepared:
    """The data of a task.

    Attributes:
        frames: fit, tune and test, tokenised, with `subset` numbering the test splits.
        truncated: by split, how many examples were cut to `max_length`.
        dropped: how many examples of train are in no split, by the reason why.
    """

    frames: dict[str, pd.DataFrame]
    truncated: dict[str, int]
    dropped: dict[str, int]


def tokenise(
    frame: pd.DataFrame, task: TaskSpec, tokenizer: Tokenizer, *, max_length: int
) -> tuple[pd.DataFrame, int]:
    """Add `input_ids`, `token_type_ids` and `length` (true tokens, special ones included); return
    with it how many examples were cut to `max_length` tokens.
    """
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length)
    texts = [frame[column].tolist() for column in task.columns]
    encoded = tokenizer.encode_batch(list(zip(*texts, strict=True)) if len(texts) > 1 else texts[0])
    tokenised = frame.assign(
        input_ids=pd.Series([one.ids for one in encoded], index=frame.index, dtype=object),
        token_type_ids=pd.Series(
            [one.type_ids for one in encoded], index=frame.index, dtype=object
        ),
        length=[len(one.ids) for one in encoded],
    )
    return tokenised, sum(bool(one.overflowing) for one in encoded)


def prepare(task: TaskSpec, settings: DataSettings, tokenizer: Tokenizer) -> Prepared:
    """Return the data of a task: read, checked, cut and tokenised.

    Raises:
        UserError: if a split cannot be read, or cut.
    """
    train_rows, test_rows = settings.synthetic_rows
    load = partial(load_split, task, settings=settings)
    train = load(settings.train or task.train, rows=train_rows)
    tune = load(task.tune, rows=test_rows) if task.tune else None
    splits, repeated = [name for _, name in test_splits(task, settings)], 0
    if splits == [CARVED]:
        train, carved, repeated = carve_test(train, task, settings)
        tests = [carved.assign(subset=0)]
    else:
        tests = [
            load(name, rows=test_rows).assign(subset=number) for number, name in enumerate(splits)
        ]
    found = cut(train, task, settings, test=pd.concat(tests), tune=tune)
    tests = [sample(frame, settings.max_test, seed=settings.seed) for frame in tests]
    frames = {
        "fit": found.fit.assign(subset=0),
        "tune": found.tune.assign(subset=0),
        "test": pd.concat(tests, ignore_index=True),
    }
    done = {
        name: tokenise(frame, task, tokenizer, max_length=settings.max_length)
        for name, frame in frames.items()
    }
    return Prepared(
        {name: frame for name, (frame, _) in done.items()},
        {name: count for name, (_, count) in done.items()},
        {**found.dropped, REPEATED: found.dropped[REPEATED] + repeated},
    )


def split_record(frame: pd.DataFrame, *, classes: int, truncated: int) -> SplitRecord:
    """Return what is known of a split without reading it."""
    return SplitRecord(
        rows=len(frame),
        labels=tuple(np.bincount(frame["label"], minlength=classes).tolist()),
        tokens=round(float(frame["length"].mean()), 2),
        truncated=truncated,
        sha256=content_hash(frame),
    )


def content_hash(frame: pd.DataFrame) -> str:
    """Return the SHA-256 of a table's content, whatever file it comes from."""
    found = hashlib.sha256()
    for name in frame.columns:
        values = frame[name].tolist()
        found.update(json.dumps([name, values], ensure_ascii=False, default=list).encode())
    return found.hexdigest()
