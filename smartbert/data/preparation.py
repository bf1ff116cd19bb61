"""From raw splits to the three files that training and recording read: cut, tokenised once. No
torch.
"""

import hashlib
import json
from functools import partial

import pandas as pd
from tokenizers import Tokenizer

from smartbert.data.settings import DataSettings, test_splits
from smartbert.data.sources import load_split
from smartbert.data.splits import cut, sample
from smartbert.tasks import SplitRecord, TaskSpec


def tokenise(
    frame: pd.DataFrame, task: TaskSpec, tokenizer: Tokenizer, *, max_length: int
) -> pd.DataFrame:
    """Add `input_ids`, `token_type_ids` and `length` (true tokens, special ones included)."""
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length)
    texts = [frame[column].tolist() for column in task.columns]
    encoded = tokenizer.encode_batch(list(zip(*texts, strict=True)) if len(texts) > 1 else texts[0])
    return frame.assign(
        input_ids=pd.Series([one.ids for one in encoded], index=frame.index, dtype=object),
        token_type_ids=pd.Series(
            [one.type_ids for one in encoded], index=frame.index, dtype=object
        ),
        length=[len(one.ids) for one in encoded],
    )


def prepare(
    task: TaskSpec, settings: DataSettings, tokenizer: Tokenizer
) -> tuple[dict[str, pd.DataFrame], dict[str, int]]:
    """Return fit, tune and test, tokenised, with `subset` numbering the test splits; and how many
    examples of train are in none of them, by the reason why.
    """
    train_rows, test_rows = settings.synthetic_rows
    load = partial(load_split, task, settings=settings)
    train = load(settings.train or task.train, rows=train_rows)
    tests = [
        load(name, rows=test_rows).assign(subset=number)
        for number, (_, name) in enumerate(test_splits(task, settings))
    ]
    found = cut(train, task, settings, test=pd.concat(tests))
    tests = [sample(frame, settings.max_test, seed=settings.seed) for frame in tests]
    frames = {
        "fit": found.fit.assign(subset=0),
        "tune": found.tune.assign(subset=0),
        "test": pd.concat(tests, ignore_index=True),
    }
    return {
        name: tokenise(frame, task, tokenizer, max_length=settings.max_length)
        for name, frame in frames.items()
    }, found.dropped


def split_record(frame: pd.DataFrame, *, max_length: int) -> SplitRecord:
    """Return what is known of a split without reading it."""
    return SplitRecord(
        rows=len(frame),
        labels=tuple(frame["label"].value_counts().sort_index().tolist()),
        tokens=round(float(frame["length"].mean()), 2),
        truncated=int((frame["length"] >= max_length).sum()),
        sha256=content_hash(frame),
    )


def content_hash(frame: pd.DataFrame) -> str:
    """Return the SHA-256 of a table's content, whatever file it comes from."""
    found = hashlib.sha256()
    for name in frame.columns:
        values = frame[name].tolist()
        found.update(json.dumps([name, values], ensure_ascii=False, default=list).encode())
    return found.hexdigest()
