"""A thousand folders as other programs write them: encodings, columns, labels, lengths, layouts.

Each is drawn with what must come of it, its rows or a refusal, and written by pandas or `datasets`;
pandas' own readers find those rows in it, too.
"""

import csv
import gzip
import io
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import datasets
import pandas as pd
import pyarrow
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from test_fuzz import inputs

from smartbert.data.settings import DataSettings
from smartbert.data.sources import load_split
from smartbert.errors import UserError
from smartbert.tasks import task

RTE = task("rte")
NAMES = list(RTE.labels)
SPELT = ["Entailment", "Not-Entailment"]
ODD = ["", " ", "NA", "null", "None", "nan", "007", "1e5", "-0", "true", "a\nb", 'say "x"', "a,b",
       "'", "\\", "\\n", "\u2028", "\x85", "\x0b", "\x1c", "caf\xe9", "\U0001f600", "e\u0301",
       "#", "=1+1", "<br />", "{}", "[CLS]", "long " * 3000]  # fmt: skip
# pandas' reader of CSV, which is asked too, ends a text at a zero and a line at a carriage return.
letters = st.characters(exclude_categories=["Cs"], exclude_characters="\0\r")
texts = st.sampled_from(ODD) | st.text(letters, max_size=20)
rows = st.lists(st.tuples(texts, texts, st.integers(0, 1)), max_size=8)

# How labels are written: of a class id, and whether the data name the classes themselves.
READ: dict[str, tuple[Callable[[int], object], list[str] | None]] = {
    "ids": (int, None),
    "names": (NAMES.__getitem__, None),
    "spelt": (SPELT.__getitem__, None),
    "floats": (float, None),
    "digits": (str, None),
    "turned": (lambda label: 1 - label, NAMES[::-1]),
    "numbers as names": (int, ["0", "1"]),
}
# One label, or the names, are not the task's.
REFUSED = [2, -1, None, 0.5, True, "yes", "2", ""]
OTHER_NAMES = ["yes", "no"]
ENCODINGS = ["utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1"]


@dataclass
class Foreign:
    """A folder to write.

    Attributes:
        frame: train, as it is written.
        names: class names that its card, or the file itself, has.
        expected: texts and class ids that must come of it; None where it must be refused.
    """

    frame: pd.DataFrame
    form: str
    kind: str
    encoding: str
    names: list[str] | None
    expected: list[tuple[str, str, int]] | None


@st.composite
def foreign(draw) -> Foreign:
    found = draw(rows)
    kind = draw(st.sampled_from(["csv", "csv", "jsonl", "jsonl", "json", "parquet"]))
    form = draw(st.sampled_from(["plain", "card", "parts", "packed", "saved"]))
    labels, names, right = draw(written([row[2] for row in found]))
    if names and kind != "parquet" and form != "saved":
        form = "card"
    columns = {
        "label": labels,
        "sentence1": [r[0] for r in found],
        "sentence2": [r[1] for r in found],
    }
    wrong = draw(st.sampled_from([*[None] * 8, "", " ", "_"]))  # left out, or called otherwise
    if wrong is not None:
        lost = draw(st.sampled_from(list(columns)))
        columns[lost + wrong if wrong else "unused"] = columns.pop(lost)
    for name in draw(st.sets(st.sampled_from(["id", "source", "Label", "idx"]))):
        columns[name] = list(range(5, 5 + len(found)))
    encoding = draw(st.sampled_from(ENCODINGS))
    if kind == "parquet" or form == "saved":
        encoding = "utf-8"
    if encoding == "latin-1" and found and "sentence1" in columns:
        columns["sentence1"][0] = "caf\xe9"
    right = right and bool(found) and wrong is None and encoding.startswith("utf-8")
    frame = pd.DataFrame(
        {
            name: pd.Series(columns[name], dtype=object)
            for name in draw(st.permutations(list(columns)))
        }
    )
    return Foreign(frame, form, kind, encoding, names, found if right else None)


@st.composite
def written(draw, ids: list[int]) -> tuple[list[object], list[str] | None, bool]:
    """Labels as they are written, the data's names of classes, and whether they are right."""
    how = draw(st.sampled_from(["bad", *READ, "bad", "mixed", "other names"]))
    if how == "other names":
        return [*ids], OTHER_NAMES, False
    if how == "mixed":
        if len(ids) < 2:
            return [*ids], None, True
        return [NAMES[ids[0]], *map(str, ids[1:])], None, False
    if how == "bad":
        last = draw(st.sampled_from(REFUSED))
        like = bool if last is True else str if isinstance(last, str) else int  # parquet's one type
        return [*map(like, ids[:-1]), *([last] if ids else [])], None, False
    write, names = READ[how]
    return [write(label) for label in ids], names, True


def content(frame: pd.DataFrame, kind: str, encoding: str) -> bytes:
    """A file, as pandas writes it."""
    if kind == "parquet":
        file = io.BytesIO()
        frame.to_parquet(file, index=False)
        return file.getvalue()
    if kind == "csv":
        text = frame.to_csv(index=False, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    else:
        text = frame.to_json(orient="records", lines=kind == "jsonl", force_ascii=False)
    return text.encode(encoding, "replace")


def asked(data: bytes, kind: str) -> pd.DataFrame:
    """The same file, as pandas reads it when told not to guess."""
    if kind == "parquet":
        return pd.read_parquet(io.BytesIO(data))
    if kind == "csv":
        return pd.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False)
    text = data.decode("utf-8-sig")
    return pd.read_json(io.StringIO(text), lines=kind == "jsonl", dtype=False, convert_dates=False)


def with_names(frame: pd.DataFrame, names: list[str] | None) -> datasets.Dataset:
    data = datasets.Dataset(pyarrow.Table.from_pandas(frame, preserve_index=False))
    if names and "label" in frame:
        data = data.cast_column("label", datasets.ClassLabel(names=names))
    return data


GOOD = pd.DataFrame({"sentence1": ["a"], "sentence2": ["b"], "label": [0]})


def write(case: Foreign, folder: Path) -> None:
    own = folder / "rte"
    own.mkdir(parents=True)
    if case.form == "saved":
        with_names(case.frame, case.names).save_to_disk(own / "train")
        with_names(GOOD, None).save_to_disk(own / "validation")
        return
    GOOD.to_json(own / "validation.jsonl", orient="records", lines=True)
    data = content(case.frame, case.kind, case.encoding)
    if case.names and case.form != "card":
        with_names(case.frame, case.names).to_parquet(own / "train.parquet")
    elif case.form == "parts":
        half = len(case.frame) // 2
        for number, part in enumerate((case.frame[:half], case.frame[half:])):
            name = f"train-0000{number}-of-00002.{case.kind}"
            (own / name).write_bytes(content(part, case.kind, case.encoding))
    elif case.form == "packed" and case.kind != "parquet":
        (own / f"train.{case.kind}.gz").write_bytes(gzip.compress(data))
    else:
        (own / f"train.{case.kind}").write_bytes(data)
    if case.form == "card":
        GOOD_OF_KIND = content(GOOD, case.kind, "utf-8")
        (own / "validation.jsonl").unlink()
        (own / f"validation.{case.kind}").write_bytes(GOOD_OF_KIND)
        files = [{"split": s, "path": f"rte/{s}.{case.kind}"} for s in ("train", "validation")]
        head: dict = {"configs": [{"config_name": "rte", "data_files": files}]}
        if case.names:
            kind = {"class_label": {"names": dict(enumerate(case.names))}}
            kinds = {name: kind if name == "label" else "string" for name in case.frame}
            features = [{"name": name, "dtype": dtype} for name, dtype in kinds.items()]
            head["dataset_info"] = [{"config_name": "rte", "features": features}]
        (folder / "README.md").write_text(f"---\n{yaml.safe_dump(head)}---\n")


numbers = itertools.count()


@inputs(1000)
@given(case=foreign())
def test_foreign_data_give_their_rows_or_a_refusal(case, tmp_path):
    folder = tmp_path / str(next(numbers))
    write(case, folder)
    settings = DataSettings(str(folder), 0, 32, None, 0.2, 5, 10)
    if case.expected is None:
        with pytest.raises(UserError) as refused:
            load_split(RTE, "train", settings, rows=0)
        message = str(refused.value)
        assert "\n" not in message and len(message) < 1000 and "network" not in message
        message.encode()
        return
    frame = load_split(RTE, "train", settings, rows=0)
    found = list(zip(frame["sentence1"], frame["sentence2"], frame["label"], strict=True))
    assert found == case.expected
    assert frame["idx"].tolist() == list(case.frame.get("idx", range(len(frame))))
    other = asked(content(case.frame, case.kind, case.encoding), case.kind)
    assert list(zip(other["sentence1"], other["sentence2"], strict=True)) == [
        row[:2] for row in case.expected
    ]
