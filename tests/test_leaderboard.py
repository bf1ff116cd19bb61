"""The leaderboard's files: their form, its check, and what fills those that nobody predicted."""

import zipfile

import pytest

from smartbert.errors import UserError
from smartbert.leaderboard import (
    SHEETS,
    Predicted,
    check,
    check_zip,
    note,
    pack,
    sheet,
    sheets_of,
    written,
)
from smartbert.tasks import TASKS

WNLI = SHEETS["WNLI"]
FILES = ["CoLA", "SST-2", "MRPC", "STS-B", "QQP", "MNLI-m", "MNLI-mm", "QNLI", "RTE", "WNLI", "AX"]


def texts() -> dict[str, str]:
    """Every file but QQP, of which there is much, and STS-B, with answers by turns."""
    found = {}
    for name, one in SHEETS.items():
        if one.answers and name != "QQP":
            found[name] = written([one.answers[i % len(one.answers)] for i in range(one.rows)])
    return found


def test_the_files_are_the_leaderboards():
    assert list(SHEETS) == FILES
    assert sum(one.rows + 1 for one in SHEETS.values()) == 426_320  # lines of all files
    named = {name: one.answers for name, one in SHEETS.items() if one.answers != ("0", "1")}
    three, two = ("entailment", "neutral", "contradiction"), ("entailment", "not_entailment")
    assert named == {
        **{"STS-B": (), "MNLI-m": three, "MNLI-mm": three, "AX": three},
        **{"QNLI": two, "RTE": two},
    }


def test_every_task_has_its_file():
    assert {one.task for one in SHEETS.values()} - {None} == set(TASKS)
    assert [one.name for one in sheets_of(["mnli", "rte"])] == ["MNLI-m", "MNLI-mm", "RTE", "AX"]
    with pytest.raises(UserError, match=r"'MNLI' \(did you mean"):
        sheet("MNLI")


def test_a_zip_has_every_file_and_fills_what_nobody_predicted(tmp_path):
    given = texts()
    pack(given, tmp_path / "glue.zip")
    check_zip(tmp_path / "glue.zip")
    with zipfile.ZipFile(tmp_path / "glue.zip") as packed:
        found = {name: packed.read(name).decode() for name in packed.namelist()}
    assert list(found) == [f"{name}.tsv" for name in FILES]
    assert all(found[f"{name}.tsv"] == text for name, text in given.items())
    assert found["WNLI.tsv"].startswith("index\tprediction\n0\t0\n1\t1\n")
    assert set(found["QQP.tsv"].split("\n")[1:4]) == {"0\t0", "1\t0", "2\t0"}
    assert found["STS-B.tsv"].split("\n")[1] == "0\t2.5"
    pack(given, tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == (tmp_path / "glue.zip").read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.replace("prediction", "label", 1), "begins with 'index\\tlabel', not with"),
        (lambda t: t.rstrip("\n"), "ends within a line"),
        (lambda t: t + "146\t0\n", "has 147 answers; the leaderboard takes 146"),
        (lambda t: t.replace("\n7\t", "\n8\t"), "index '8' in row 7, not 7"),
        (lambda t: t.replace("\n7\t", "\n07\t"), "index '07' in row 7, not 7"),
        (lambda t: t.replace("\n7\t1", "\n7\tentailment"), "'entailment' in row 7; allowed are 0"),
        (lambda t: t.replace("\n7\t1", "\n7\t1\t1"), "'1\\t1' in row 7; allowed are 0, 1"),
        (lambda t: t.replace("\n7\t1", "\n7\t-1"), "'-1' in row 7; allowed are 0, 1"),
        (lambda t: t.replace("\n", "\r\n"), "begins with 'index\\tprediction\\r'"),
        (lambda t: "", "begins with '', not with"),
    ],
)
def test_a_file_in_another_form_is_refused_and_no_zip_is_left(change, message, tmp_path):
    text = texts()["WNLI"]
    check(WNLI, text)
    wrong = change(text)
    for refuse in (lambda: check(WNLI, wrong), lambda: pack({"WNLI": wrong}, tmp_path / "a.zip")):
        with pytest.raises(UserError) as caught:
            refuse()
        assert message in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_numbers_are_numbers_of_the_scale():
    similar = SHEETS["STS-B"]
    rows = similar.rows - 1
    check(similar, written(["5.000", *["0"] * rows]))
    for wrong in ("5.1", "-1", "nan", "1e0", "entailment"):
        with pytest.raises(UserError, match="in row 0; allowed are numbers from 0 to 5"):
            check(similar, written([wrong, *["0"] * rows]))


def test_a_zip_with_other_files_is_refused(tmp_path):
    pack({}, tmp_path / "glue.zip")
    with zipfile.ZipFile(tmp_path / "glue.zip", "a") as packed:
        packed.writestr("README.md", "mine")
    with pytest.raises(UserError, match=r"has 'README\.md'; the leaderboard takes CoLA\.tsv, SST"):
        check_zip(tmp_path / "glue.zip")
    with zipfile.ZipFile(tmp_path / "few.zip", "w") as packed:
        packed.writestr("CoLA.tsv", "")
    with pytest.raises(UserError, match=r"lacks SST-2\.tsv"):
        check_zip(tmp_path / "few.zip")
    (tmp_path / "none.zip").write_text("none")
    with pytest.raises(UserError, match=r"cannot read .*none\.zip"):
        check_zip(tmp_path / "none.zip")


def test_the_note_tells_predictions_from_what_fills():
    about = {"title": "SmartBERT", "seed": 1, "space": "published", "point": "drop1"}
    done = Predicted(sheet="WNLI", member="smartbert", cost=0.52, truncated=3, **about)
    page = note([done], "`drop1` costs least.", "Tiny data.")
    own = "| WNLI.tsv | 146 | SmartBERT, smartbert, seed 1 | `drop1` (published) | 52% | 3 |"
    assert own in page.splitlines()
    assert "| RTE.tsv | 3,000 | filled with `entailment`: not run |" in page
    assert "| STS-B.tsv | 1,379 | filled with `2.5`: no task of this suite |" in page
    last = page.splitlines()[-1]
    assert last.startswith("Filled with one answer throughout") and "WNLI" not in last
    assert "Tiny data." in page and "`drop1` costs least." in page
