"""What `predict` reads: plain lines, JSON lines and tables in any encoding, and files that are not
what they are taken for.
"""

import csv
import gzip
import io
import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, SMARTBERT
from made_up_model import WORDS, made_up_model

from smartbert.__main__ import main
from smartbert.errors import UserError
from smartbert.serve.classifier import Classifier, Prediction
from smartbert.serve.file_kinds import check_kind
from smartbert.serve.inputs import Rejected, read_inputs

TEXTS = [
    "a good film",
    "",
    "not, very; good",
    'it "very" good',
    "bad\tplot",
    "two\nlines",
    "naïve 映画 🎬",
    " ",
]
PAGE = ROOT / "docs" / "faults.md"


@pytest.fixture
def folder(tiny_model, tmp_path):
    """A published model of single texts."""
    return made_up_model(tiny_model(**SMARTBERT), tmp_path, "sst2")


def read(content: bytes, **options) -> list:
    given = {"form": "lines", "columns": ("sentence",), **options}
    return list(read_inputs(io.BytesIO(content), **given))


def predicted(capsys, folder, path, *words: str) -> tuple[int, list[dict], str]:
    """Run `predict` on a file; return its status, rows and messages."""
    capsys.readouterr()
    status = main(["predict", "--model", str(folder), *words, str(path)])
    out, err = capsys.readouterr()
    return status, [json.loads(line) for line in out.splitlines()], err


# Tables


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "gb18030"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_a_csv_is_read_as_pandas_writes_it(separator, encoding, quoting):
    frame = pd.DataFrame({"label": 1, "sentence": TEXTS, "idx": range(len(TEXTS))})
    content = frame.to_csv(sep=separator, index=False, quoting=quoting).encode(encoding)
    name = encoding.removesuffix("-sig")
    assert read(content, form="csv", encoding=name) == [(text,) for text in TEXTS]
    assert read(content, form="csv", encoding=name, chosen=("idx",))[3] == ("3",)


def test_a_one_column_csv_has_its_empty_texts():
    content = pd.DataFrame({"sentence": TEXTS}).to_csv(index=False).encode()
    assert read(content, form="csv") == [(text,) for text in TEXTS]
    for form in ("csv", "tsv"):
        assert read(b"sentence\ngood\n\nbad\n", form=form) == [("good",), ("",), ("bad",)]


def test_a_tsv_keeps_its_quotes_as_glues_own_do():
    texts = [text for text in TEXTS if "\t" not in text and "\n" not in text] + ['"quoted"', '"']
    content = "index\tsentence\tlabel\n" + "".join(f"{i}\t{t}\t0\n" for i, t in enumerate(texts))
    frame = pd.read_csv(
        io.StringIO(content), sep="\t", quoting=csv.QUOTE_NONE, keep_default_na=False
    )
    assert read(content.encode(), form="tsv") == [(text,) for text in frame["sentence"]]
    pairs = b"sentence1\tsentence2\na\tb\n"
    assert read(pairs, form="tsv", columns=("sentence1", "sentence2")) == [("a", "b")]


def test_the_general_names_and_chosen_ones_serve_for_any_task():
    content = b"text,text_pair,review\nx,y,z\n"
    assert read(content, form="csv", columns=("premise", "hypothesis")) == [("x", "y")]
    assert read(content, form="csv", columns=None) == [("x", "y")]
    assert read(content, form="csv", chosen=("review",)) == [("z",)]
    assert read(b'{"review": "z", "text": "x"}', form="jsonl", chosen=("review",)) == [("z",)]


def test_rows_that_do_not_fit_the_header_are_rejected_in_their_places():
    content = b"sentence,label\ngood,1\nbad\nit,0,0\n\nfilm,1\n"
    found = read(content, form="csv")
    assert [isinstance(one, Rejected) for one in found] == [False, True, True, True, False]
    assert found[1].error == "expected 2 fields, as the header has, found 1"
    content = b"sentence,label\ngood,1\nb\xe4d,1\nfilm,\xe4\n"
    good, bad, film = read(content, form="csv")
    assert good == ("good",) and bad.error.startswith("not UTF-8 text") and film == ("film",)


@pytest.mark.parametrize("end", [b'"open,1\ngood,0\n', b'"a"b,1\ngood,0\n'])
def test_nothing_is_read_after_a_quote_that_is_amiss(end):
    first, last = read(b"sentence,label\ngood,1\n" + end, form="csv")
    assert first == ("good",)
    assert last.error.startswith("not CSV at line ")
    assert last.error.endswith("nothing after it was read")


def test_a_text_may_be_a_book():
    book = "good film " * 40_000
    assert read(f'sentence,label\n"{book}",1\n'.encode(), form="csv") == [(book,)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no line of column names"),
        (b"a,b\n1,2\n", "has no column of sentence, or text; found: a, b; set by --column"),
        (b"sentence,sentence\n1,2\n", "has two columns 'sentence'; set another by --column"),
        (b'label,"sentence\nof mine"\n', "no column of sentence, or text; found: label,"),
        (b"text,text_pair\n1,2\n", "no column of sentence, or text; found: text, text_pair"),
    ],
)
def test_a_table_without_the_column_is_refused_at_once(content, message):
    with pytest.raises(UserError, match=message):
        read_inputs(io.BytesIO(content), form="csv", columns=("sentence",))


def test_a_quoted_tsv_is_sent_to_the_reader_of_quotes():
    with pytest.raises(UserError, match="quoted fields are read with --csv, tabs between them"):
        read(b'"sentence"\t"label"\n"good"\t1\n', form="tsv")


# JSON lines


def test_a_byte_order_mark_costs_no_line():
    lines = [b'\xef\xbb\xbf{"text": "a"}\n', b'\xef\xbb\xbf{"text": "b"}\n']  # two files in one
    assert read(b"".join(lines), form="jsonl") == [("a",), ("b",)]
    assert read(b"\xef\xbb\xbfa good film\n") == [("a good film",)]
    assert read("\ufeffa\n".encode("utf-16-le"), encoding="utf-16-le") == [("a",)]


def test_a_key_that_occurs_twice_is_no_answer_to_either():
    (found,) = read(b'{"text": "good", "text": "bad"}', form="jsonl")
    assert found == Rejected("a key occurs twice in the JSON object")
    assert read(b'{"text": "a", "more": {"b": 1, "b": 2}}', form="jsonl") == [("a",)]


def test_half_characters_are_rejected_and_can_be_printed(folder, tmp_path, capsys):
    lines = [json.dumps({"text": text}) for text in ("good", "bad \ud83d film", "it")]
    lines.insert(2, json.dumps({"\ud83d": "good"}))
    path = tmp_path / "texts.jsonl"
    path.write_text("\n".join(lines * 300))
    status, rows, err = predicted(capsys, folder, path)
    assert status == 1 and len(rows) == 1200 and "600 classified" in err
    said = "sentence has half a character (\\ud83d) at place 5: no text"
    assert [row.get("error") for row in rows[1::4]] == [said] * 300
    assert rows[2]["error"] == "no key of sentence, or text; found: \ud83d"
    (alone,) = Classifier(folder)([("\udcff",)])
    assert alone == Rejected("sentence has half a character (\\udcff) at place 1: no text")


# Encodings


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32", "cp1252", "shift_jis"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_are_the_same_in_any_encoding(encoding, end):
    texts = ["a good film", "", "映画" if encoding != "cp1252" else "naïve", "bad"]
    content = end.join(texts).encode(encoding)
    assert read(content, encoding=encoding) == [(text,) for text in texts]


def test_a_damaged_end_of_utf16_loses_nothing_before_it():
    found = read("good\nbad\n".encode("utf-16-le") + b"a", encoding="utf-16-le")
    assert found[:2] == [("good",), ("bad",)]
    assert found[2].error == "not UTF-16-LE text: truncated data; nothing after it was read"
    lone = "good\nb\ud83dd\nit\n".encode("utf-16-le", "surrogatepass")
    assert read(lone, encoding="utf-16-le") == [("good",), ("b\ud83dd",), ("it",)]


# Files that are not what they seem

LINES = ["good", "it, very good", "bad"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a\nb\n".encode("utf-16"), "UTF-16-LE text; read it with --encoding utf-16"),
        ("film\n".encode("utf-16-be"), "UTF-16-BE text; read it with --encoding utf-16-be"),
        ("é映 a film of\n".encode("utf-16-le"), "read it with --encoding utf-16-le"),
        ("good\n".encode("utf-32"), "UTF-32-LE text; read it with --encoding utf-32"),
        ("good\n".encode("utf-32-be"), "UTF-32-BE text; read it with --encoding utf-32-be"),
        ("naïve\ngood\nfür\n".encode("cp1252"), "name its encoding with --encoding"),
        (b"go\0od\xff\nbad\n", "binary, or of an encoding that only --encoding can tell"),
        (gzip.compress(b"good\n", mtime=0), "is gzip, no text"),
        (b"PAR1\x15\x04", "is parquet, no text"),
        (b'{"text": "good"}\n', "holds JSON lines; read them with --jsonl, as text with --lines"),
        (b'[\n {"text": "good"}\n]\n', "one JSON value; write an object per line, and use --jsonl"),
        (b'[{"text": "good"},\n {"text": "bad"}]\n', "one JSON value"),
        (b'{\n "text": "good"\n}\n', "one JSON value"),
        (b"sentence\tlabel\ngood\t1\n", r"a table by its first line, 'sentence\tlabel'"),
        (b"index\tquestion1\tquestion2\nx\ty\tz\n", "with --tsv (--csv where fields are quoted)"),
        (b"Quality\t#1 ID\t#1 String\n1\t12\tgood\n", "with --tsv (--csv where fields are quoted)"),
        (b'text,label\n"good",1\n', "read a column of it with --csv and --column"),
        (b"Review;Label\ngood;pos\n", "a table by its first line, 'Review;Label'"),
        (b'"sentence"\n"good"\n', "read a column of it with --csv"),
        (b"review,stars\ngood film,5\nbad,1\nit,3\n", "read a column of it with --csv"),
        (b'"good, it",1\nbad film,0\nit,1\nx,0\n', "read a column of it with --csv"),
        (b"movie,view\n" + b"a good film,pro\nbad,con\n" * 5, "read a column of it with --csv"),
    ],
)
def test_a_file_that_is_not_plain_lines_is_refused_with_the_option_for_it(content, said):
    with pytest.raises(UserError) as error:
        check_kind(content, name="texts", form=None, encoding=None)
    assert said in str(error.value) and str(error.value).startswith(("texts is ", "texts holds "))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"good",
        b"\n\n",
        b"a good film, it\nbad plot, it\nnot, it\n",
        b"Label me good, label me bad\nit\n",
        b"[laughs] a good film\nbad\n",
        b"{sic} good\n",
        b"12\n13\n14\n15\n",
        b"a good film\tthis is about film\n" * 9,
        "naïve\n".encode("cp1252") + b"good\nbad\n",
        "naïve\nfür\n".encode() + "für\n".encode("cp1252"),
        "映画\n".encode(),
        b"go\xc3",
    ],
)
def test_plain_lines_are_not_taken_for_anything_else(content):
    check_kind(content, name="texts", form=None, encoding=None)


def test_what_is_said_of_a_file_is_believed_unless_it_cannot_be():
    check_kind(b"text,label\ngood,1\n", name="texts", form="lines", encoding=None)
    check_kind("good\n".encode("utf-16"), name="texts", form=None, encoding="utf-16")
    check_kind("good film\n".encode("utf-16-le"), name="texts", form=None, encoding="utf-16")
    for encoding in ("utf-16", "cp1252", "utf-16-le"):
        with pytest.raises(UserError, match="UTF-16-BE text; read it with --encoding utf-16-be"):
            check_kind("good\n".encode("utf-16-be"), name="x", form=None, encoding=encoding)
    with pytest.raises(UserError, match="one JSON value"):
        check_kind(b'[{"text": "good"}]\n', name="x", form="jsonl", encoding=None)


def test_lines_that_end_as_on_old_macs_are_not_one_text():
    (found,) = read(b"good\rbad\rfilm")
    assert "carriage return within the line" in found.error
    assert read(b"good\r\nbad\r\n") == [("good",), ("bad",)]


# The command


def test_a_files_form_is_told_by_its_name_or_an_option(folder, tmp_path, capsys):
    texts = ["a good film", "bad", "not good, it"]
    frame = pd.DataFrame({"id": [1, 2, 3], "sentence": texts})
    (tmp_path / "a.txt").write_text("\n".join(texts))
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_csv(tmp_path / "a.TSV", index=False, sep="\t")
    frame.rename(columns={"sentence": "review"}).to_csv(tmp_path / "b", index=False)
    frame.to_json(tmp_path / "a.jsonl", orient="records", lines=True)
    (tmp_path / "c.txt").write_text("\n".join(texts), encoding="utf-16")
    status, expected, _ = predicted(capsys, folder, tmp_path / "a.txt")
    assert status == 0 and len(expected) == 3
    for name, words in {
        "a.csv": (),
        "a.TSV": (),
        "a.jsonl": (),
        "b": ("--csv", "--column", "review"),
        "c.txt": ("--encoding", "UTF16"),
    }.items():
        assert predicted(capsys, folder, tmp_path / name, *words)[:2] == (0, expected), name
    status, rows, err = predicted(capsys, folder, tmp_path / "b")
    assert status == 2 and not rows and err.count("\n") == 1 and "with --csv and --column" in err
    status, rows, _ = predicted(capsys, folder, tmp_path / "b", "--lines")
    assert status == 0 and len(rows) == 4


def test_a_closed_stdin_is_refused_in_one_line(folder, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", None)
    status, rows, err = predicted(capsys, folder, "-")
    assert (
        status == 2 and not rows and err == "error: cannot read stdin: it is closed; name a file\n"
    )


def test_a_pipe_is_answered_while_it_is_open(folder, monkeypatch):
    """`--window 1` answers what is there, whatever was looked at first."""
    inner, outer = os.pipe()
    answers, seen = io.StringIO(), threading.Event()

    class Out(io.StringIO):
        def write(self, text: str) -> int:
            answers.write(text)
            seen.set()
            return len(text)

    monkeypatch.setattr(sys, "stdin", os.fdopen(inner))
    monkeypatch.setattr(sys, "stdout", Out())
    words = ["predict", "--model", str(folder), "--window", "1", "--batch-size", "1"]
    with ThreadPoolExecutor(1) as pool:
        status = pool.submit(main, words)
        os.write(outer, b"a good film\n")
        assert seen.wait(60)
        os.close(outer)
        assert status.result() == 0
    assert answers.getvalue().count("label") == 1


# Threads


def test_many_threads_share_one_classifier(folder):
    classifier = Classifier(folder)
    rng = np.random.default_rng(0)
    texts = [(" ".join(rng.choice(WORDS[4:], size)),) for size in rng.choice([3, 40, 400], 2000)]
    expected = [classifier.encode(text) for text in texts]
    assert {cut > 0 for _, cut in expected} == {True, False}
    pause = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(classifier.encode, texts))
            answers = list(pool.map(lambda part: list(classifier(part)), [texts[:40]] * 8))
    finally:
        sys.setswitchinterval(pause)
    assert found == expected
    for rows in answers[1:]:
        assert rows == answers[0]


# The page of faults

FAULTS = {
    "a budget in per cent": (b"good\n", "texts.txt", ["--budget", "50"]),
    "UTF-16 text": ("good\n".encode("utf-16"), "texts.txt", []),
    "text in another encoding": ("naïve\nfür\n".encode("cp1252"), "texts.txt", []),
    "a table taken for lines": (b"sentence,label\ngood,1\n", "texts.txt", []),
    "a table without the column": (b"review,stars\ngood,5\n", "texts.csv", []),
    "JSON lines taken for text": (b'{"text": "good"}\n', "texts.txt", []),
    "JSON that is one list": (b'[{"text": "good"}]\n', "texts.jsonl", []),
    "a packed file": (gzip.compress(b"good\n", mtime=0), "texts.txt.gz", []),
    "another kind of device": (b"good\n", "texts.txt", ["--device", "mps"]),
}


@pytest.mark.parametrize("what", FAULTS)
def test_the_page_of_faults_has_what_the_command_says(folder, tmp_path, capsys, monkeypatch, what):
    content, name, words = FAULTS[what]
    (tmp_path / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)
    status, rows, err = predicted(capsys, folder, name, *words)
    assert status == 2 and not rows
    (line,) = err.splitlines()
    assert f"| {what} | {line.removeprefix('error: ')} |\n" in PAGE.read_text()


def test_an_empty_text_is_answered_as_in_any_batch(folder):
    given = [("",), ("a good film",), (" \t",)]
    together = list(Classifier(folder)(given))
    assert all(isinstance(one, Prediction) for one in together)
    for text, answer in zip(given, together, strict=True):
        (alone,) = Classifier(folder)([text])
        assert alone.label == answer.label and alone.score == pytest.approx(answer.score, abs=1e-5)
