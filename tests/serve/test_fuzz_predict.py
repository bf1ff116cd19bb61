"""Random files for `predict`: form, encoding, columns, lengths, and damage to single rows.

Every row has the answer that the model gives to what another reader finds there, or is refused; a
file that is not what it is taken for is refused as a whole. The other readers are pandas for
tables, msgspec for JSON, Python's own text files for lines; what a text is answered comes from the
library's tokenizer and the method as it is specified. A thousand files a run, always the same ones.
"""

import contextlib
import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import msgspec
import pandas as pd
import pytest
import torch
from conftest import DEPTH, SMARTBERT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_up_model import WORDS, made_up_model
from transformers import BertConfig, PreTrainedTokenizerFast

import smartbert.__main__ as command
from smartbert.model.configuration import adaptive_config
from smartbert.model.modeling import AdaptiveBert
from smartbert.serve.classifier import Classifier

MANY = settings(
    max_examples=500, derandomize=True, deadline=None, database=None,
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.function_scoped_fixture),
)  # fmt: skip
TASKS = {"sst2": ("sentence",), "mnli": ("premise", "hypothesis")}
WIDE = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be")
NARROW = ("cp1252", "shift_jis", "gb18030", "euc_kr", "koi8-r")
UTF8 = ("utf-8", "utf-8-sig")
MAX_TOKENS = 12


@dataclass
class Expected:
    """The command on one model, and what it should answer."""

    columns: tuple[str, ...]
    classifier: Classifier
    answer: Callable[[tuple[str, ...]], dict]


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> dict[str, Expected]:
    """A published model of single texts and one of pairs; each is loaded once."""
    found = {}
    for task, columns in TASKS.items():
        torch.manual_seed(0)
        backbone = BertConfig(
            hidden_size=32, num_hidden_layers=DEPTH, num_attention_heads=4, intermediate_size=64,
            vocab_size=120, max_position_embeddings=64,
        )  # fmt: skip
        labels = {i: str(i) for i in range(3)}
        config = adaptive_config(backbone, id2label=labels, small_width=64, **SMARTBERT)
        model = AdaptiveBert(config).eval()
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if parameter.ndim == 2 and not name.startswith("encoder.embeddings"):
                    parameter.mul_(5)
        folder = made_up_model(model, tmp_path_factory.mktemp(task), task, max_tokens=MAX_TOKENS)
        found[task] = Expected(columns, Classifier(folder), answers(folder))
    return found


def answers(folder: Path) -> Callable[[tuple[str, ...]], dict]:
    """What the model in a folder says of texts, by the library's tokenizer and model alone."""
    model = AdaptiveBert.from_pretrained(folder)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)

    @cache
    def answer(texts: tuple[str, ...]) -> dict:
        given = {"return_tensors": "pt", "return_token_type_ids": True}
        batch = [[part] for part in texts]  # alone, an empty second text would be taken for none
        whole = len(tokenizer(*batch)["input_ids"][0])
        cut = tokenizer(*batch, truncation=True, max_length=MAX_TOKENS, **given)
        output = model(**cut)
        return {
            "label": model.config.id2label[int(output.logits.argmax())],
            "score": float(output.logits.softmax(-1).max()),
            "exit_layer": int(output.exit_layer),
            "layers": int(output.executed.sum()),
            "truncated": max(0, whole - MAX_TOKENS),
        }

    return answer


@dataclass
class Case:
    """A file, the words of the command, and what another reader finds in the file."""

    name: str
    content: bytes
    words: list[str] = field(default_factory=list)
    texts: list[tuple[str, ...] | None] = field(default_factory=list)  # None: to be rejected
    refused: str | None = None  # what the refusal of the whole file must name


# Texts

alphabet = st.sampled_from(
    [*WORDS[4:], ",", ";", "|", '"', "'", '""', "é", "映画", "я", "한", "🎬"]
)
words = st.lists(alphabet, max_size=8) | st.lists(alphabet, min_size=30, max_size=60)
text = words.map(" ".join) | st.sampled_from(["", " ", '"', '"a" b', "'", "12", "a\u2028b", "\x0b"])
breaks = st.sampled_from(["two\nlines", "tab\there", "end\n", "\r\n", "a\rb"])


@st.composite
def rows_of(draw, columns: int, *, odd: bool, plain: bool = False) -> list[tuple[str, ...]]:
    """One to six inputs; `odd` texts hold tabs and line ends, too, `plain` ones ASCII alone."""
    one = st.lists(st.sampled_from(WORDS[4:]), max_size=8).map(" ".join) if plain else text
    one = one | breaks if odd else one
    return draw(st.lists(st.tuples(*[one] * columns), min_size=1, max_size=6))


def fits(rows: list[tuple[str, ...]], encoding: str) -> list[tuple[str, ...]]:
    """Rows without the characters that an encoding lacks."""
    return [tuple(part.encode(encoding, "ignore").decode(encoding) for part in row) for row in rows]


# Files that are told rightly


@st.composite
def told(draw, task: str) -> Case:
    """A file in any form and encoding that the command's words tell, with some rows damaged."""
    form = draw(st.sampled_from(["lines", "jsonl", "csv", "tsv"]))
    encoding = draw(st.sampled_from([*UTF8, *WIDE, *NARROW]))
    columns = TASKS[task]
    rows = fits(draw(rows_of(len(columns), odd=form in ("jsonl", "csv"))), encoding)
    said = [] if encoding in UTF8 else ["--encoding", encoding]
    make = {"lines": lines_file, "jsonl": jsonl_file, "csv": table_file, "tsv": table_file}[form]
    case = make(draw, form, columns, rows, encoding)
    return Case(case.name, case.content, [*said, *case.words], case.texts)


def lines_file(draw, form, columns, rows, encoding) -> Case:
    end = draw(st.sampled_from(["\n", "\r\n"]))
    lines = ["\t".join(row) for row in rows]
    if draw(st.booleans()):
        lines.insert(draw(st.integers(0, len(lines))), "\t".join(["a"] * (len(columns) + 1)))
    content = end.join([*lines, *draw(st.sampled_from([[""], []]))]).encode(encoding)
    with io.TextIOWrapper(io.BytesIO(content), encoding=encoding, newline="\n") as file:
        found = [tuple(line.rstrip("\r\n").split("\t")) for line in file]
    texts = [one if len(one) == len(columns) else None for one in found]
    return Case("texts", content, ["--lines"], texts)


def jsonl_file(draw, form, columns, rows, encoding) -> Case:
    names, chosen = named(draw, columns)
    ascii_ = draw(st.booleans())
    objects = [{"label": 1, **dict(zip(names, row, strict=True))} for row in rows]
    lines = [json.dumps(one, ensure_ascii=ascii_) for one in objects]
    values = [msgspec.json.decode(line.encode("utf-8")) for line in lines]
    texts: list = [tuple(one[name] for name in names) for one in values]
    key, keys = names[0], '": "a", "'.join(names)
    bad = draw(
        st.sampled_from(
            [
                *(None, None, "", "[1]", '"text"', "NaN", "{}", '{"text', '{"\\udc00": 1}'),
                *(f'{{"{keys}": "a \\ud83d"}}', f'{{"{keys}": null}}', f'{{"{keys}": 3}}'),
                *(f'{{"{keys}": "a", "{key}": "b"}}', f'{{"{keys}": ["a"]}}'),
            ]
        )
    )
    if bad is not None:
        place = draw(st.integers(0, len(lines) - 1))
        lines.insert(place, bad)
        texts.insert(place, None)
    content = "\n".join([*lines, *draw(st.sampled_from([[""], []]))]).encode(encoding)
    option = draw(st.booleans())
    return Case("texts" if option else "texts.jsonl", content, ["--jsonl"] * option + chosen, texts)


def table_file(draw, form, columns, rows, encoding) -> Case:
    names, chosen = named(draw, columns)
    quoting = {"quoting": csv.QUOTE_NONE} if form == "tsv" else {}
    if form == "tsv":
        rows = [tuple(part.replace("\t", " ") for part in row) for row in rows]
    frame = pd.DataFrame(rows, columns=list(names))
    for place in draw(st.sets(st.integers(0, len(names)), max_size=2)):
        frame.insert(place, f"more{place}", range(len(rows)))
    wide = len(frame.columns)
    separator = "\t" if form == "tsv" else draw(st.sampled_from(",;\t|" if wide > 1 else ","))
    if form == "csv":
        # pandas takes a bare carriage return for a row's end, and writes it without quotes.
        quotes = csv.QUOTE_ALL if any("\r" in part for row in rows for part in row) else 0
        shown = frame.to_csv(sep=separator, index=False, quoting=quotes)
    else:
        table = [list(frame.columns), *frame.astype(str).values.tolist()]
        shown = "".join("\t".join(line) + "\n" for line in table)
    read = pd.read_csv(
        io.StringIO(shown, newline=""), sep=separator, dtype=str, keep_default_na=False,
        skip_blank_lines=False, lineterminator="\n" if form == "tsv" else None, **quoting,
    )  # fmt: skip
    texts: list = [tuple(row) for row in read[list(names)].itertuples(index=False)]
    if draw(st.booleans()):
        shown += separator.join(["a"] * (wide + 1)) + "\n"
        texts.append(None)
    option = draw(st.booleans())
    name = "texts" if option else f"texts.{form}"
    return Case(name, shown.encode(encoding), [f"--{form}"] * option + chosen, texts)


def named(draw, columns: tuple[str, ...]) -> tuple[tuple[str, ...], list[str]]:
    """Names of the columns, and the words that tell them."""
    kind = draw(st.sampled_from(["task", "general", "own"]))
    if kind == "task":
        return columns, []
    if kind == "general":
        return ("text", "text_pair")[: len(columns)], []
    own = draw(st.sampled_from([("my review", "my reply"), ("a", "b"), ("Text 1", "label 2")]))
    own = own[: len(columns)]
    return own, [word for name in own for word in ("--column", name)]


# Files that are not what they are taken for


@st.composite
def disguised(draw, task: str) -> Case:
    """A file that says nothing of its form or encoding, and is not lines of UTF-8."""
    columns = TASKS[task]
    kind = draw(st.sampled_from(["encoding", "encoding", "jsonl", "csv", "tsv", "column"]))
    if kind == "encoding":
        encoding = draw(st.sampled_from(WIDE))
        rows = [
            ("a good film",) * len(columns),
            *draw(rows_of(len(columns), odd=False, plain=True)),
        ]
        content = "\n".join("\t".join(row) for row in rows).encode(encoding)
        return Case("texts", content, refused="--encoding utf-")
    rows = draw(rows_of(len(columns), odd=kind != "tsv"))
    names = draw(st.sampled_from([columns, ("text", "text_pair")[: len(columns)]]))
    if kind == "jsonl":
        lines = [json.dumps(dict(zip(names, row, strict=True))) for row in rows]
        return Case("texts.txt", "\n".join(lines).encode(), refused="--jsonl")
    frame = pd.DataFrame(rows, columns=list(names))
    if draw(st.booleans()):
        frame["label"] = 1
    if kind == "tsv":
        frame = frame.map(lambda cell: cell.replace("\t", " ") if isinstance(cell, str) else cell)
        table = [list(frame.columns), *frame.astype(str).values.tolist()]
        content = "".join("\t".join(line) + "\n" for line in table)
        alone = len(frame.columns) == 1
        return Case("texts", content.encode(), refused="--csv" if alone else "--tsv")
    separator = draw(st.sampled_from(",;|"))
    content = frame.to_csv(sep=separator, index=False).encode()
    if kind == "csv":
        return Case("texts.txt", content, refused="--csv")
    other = ["--column", "elsewhere"] * len(columns)
    return Case("texts.csv", content, other, refused="has no column of elsewhere")


@st.composite
def untold(draw, task: str) -> Case:
    """Lines in an encoding of one or two bytes that nobody named."""
    encoding = draw(st.sampled_from(NARROW))
    rows = fits(draw(rows_of(len(TASKS[task]), odd=False)), encoding)
    content = "\n".join("\t".join(row) for row in rows).encode(encoding) + b"\n"
    texts: list = []
    for line in content.split(b"\n")[:-1]:
        try:
            texts.append(tuple(line.decode("utf-8").split("\t")))
        except UnicodeDecodeError:
            texts.append(None)
    return Case("texts", content, texts=texts)


def predict(expected: Expected, case: Case, folder: Path, monkeypatch) -> tuple[int, list, str]:
    """Run the command on a file; return its status, rows and messages."""
    path = folder / case.name
    path.write_bytes(case.content)
    monkeypatch.setattr(command, "load", lambda *_, **__: expected.classifier)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = command.main(["predict", "--model", "x", *case.words, str(path)])
    path.unlink()
    return status, [json.loads(line) for line in out.getvalue().splitlines()], err.getvalue()


def check(expected: Expected, case: Case, status: int, rows: list[dict], said: str) -> None:
    """Compare the command's rows with what should be answered."""
    assert [row["line"] for row in rows] == list(range(1, len(case.texts) + 1)), said
    for row, texts in zip(rows, case.texts, strict=True):
        if texts is None:
            assert row["error"] and "label" not in row
            continue
        want = expected.answer(texts)
        assert {name: row.get(name) for name in want} == {**want, "score": row.get("score")}, texts
        assert row["score"] == pytest.approx(want["score"], abs=1e-3)
    bad = sum(texts is None for texts in case.texts)
    assert status == (1 if bad else 0)
    empty = sum(any(not part.strip() for part in texts) for texts in case.texts if texts)
    assert (f"{empty} of empty text" in said) == bool(empty)


@MANY
@given(data=st.data(), task=st.sampled_from(sorted(TASKS)))
def test_every_row_has_the_answer_to_what_another_reader_finds(
    models, data, task, tmp_path, monkeypatch
):
    case = data.draw(told(task))
    check(models[task], case, *predict(models[task], case, tmp_path, monkeypatch))


@MANY
@given(data=st.data(), task=st.sampled_from(sorted(TASKS)))
def test_a_file_in_disguise_is_refused_or_answered_rightly(
    models, data, task, tmp_path, monkeypatch
):
    case = data.draw(disguised(task) | untold(task))
    status, rows, said = predict(models[task], case, tmp_path, monkeypatch)
    if case.refused is not None or status == 2:
        assert status == 2 and not rows and said.count("\n") == 1
        assert (case.refused or "--encoding") in said
    else:
        check(models[task], case, status, rows, said)
