"""The literature's figures: their schema, and the table in which ours never mix with them."""

import pandas as pd
import pytest

from smartbert.points import MAIN
from smartbert.report.latex import LONG
from smartbert.report.literature import ALL_TASKS, COLUMNS, published, published_exits
from smartbert.report.literature_page import (
    NEEDED,
    OURS,
    SHOWN,
    SHOWN_OURS,
    published_latex,
    published_markdown,
    published_table,
)
from smartbert.tasks import TASKS


def point(task: str, method: str, **values) -> dict:
    """One operating point of ours, made up."""
    row = {
        **{"task": task, "method": method, "title": method, "space": MAIN, "subset": None},
        **{"point": "full" if method == "full_bert" else "b50", "score": 12.34, "score_low": 11.0},
        **{"score_high": 13.0, "cost": 0.456, "seeds": 5, "status": "ok"},
    }
    return row | values


def ours(*points: dict) -> pd.DataFrame:
    return pd.DataFrame(points, columns=[*NEEDED, "title"])


@pytest.fixture
def everything() -> pd.DataFrame:
    """Made-up points of every method, space and operating point on every task."""
    return ours(
        *(
            point(task, method, subset=subset or None, space=space, point=name)
            for task, spec in TASKS.items()
            for subset, _ in spec.test
            for method in [*OURS, "random_skip"]
            for space in (MAIN, "global", "per_layer", "fixed")
            for name in ("full", "b75", "b50", "b33", "drop1")
        )
    )


def figure(task: str, method: str, source: str, metric: str, split: str = "test") -> float:
    table = published()
    found = table[
        (table["task"] == task)
        & (table["method"] == method)
        & table["source"].str.startswith(source)
        & (table["metric"] == metric)
        & (table["split"] == split)
    ]
    return found["value"].item()


def test_figures_are_those_of_their_sources():
    assert figure("mnli", "DeeBERT", "COSEE", "accuracy") == 74.4
    assert figure("mrpc", "Truncated BERT", "COSEE", "mean") == 81.9
    assert figure("qqp", "ConsistentEE", "COSEE", "accuracy") == 89.0
    assert figure("cola", "BERT", "CLaF", "mcc", "dev") == 59.39
    assert figure("sst2", "PABEE", "PABEE", "accuracy", "dev") == 92.0
    table = published()
    assert set(table["task"]) == {*TASKS, ALL_TASKS}
    assert not table["note"].isna().any() and list(table.columns) == COLUMNS


def test_no_figure_of_smartbert_is_invented():
    rows = published().query("method == 'SmartBERT'")
    assert rows["value"].isna().all()
    assert rows[["speedup", "speedup_high"]].to_numpy().tolist() == [[2, 3]]


def test_the_mean_of_accuracy_and_f1_is_between_them():
    wide = published().pivot_table(
        index=["task", "method", "split", "source"], columns="metric", values="value"
    )
    whole = wide.dropna(subset=["accuracy", "f1", "mean"])
    assert len(whole) == 10
    assert ((whole["accuracy"] + whole["f1"]) / 2 - whole["mean"]).abs().max() < 0.11


def test_every_exit_of_a_run_has_a_score():
    table = published_exits()
    runs = table.groupby(["task", "weights"])
    assert len(runs) == 6
    assert all(list(run["layer"]) == list(range(1, 13)) for _, run in runs)
    last = table[(table["task"] == "mrpc") & (table["weights"] == "equal")].iloc[-1]
    assert (last["layer"], last["value"], last["metric"]) == (12, 85.3, "accuracy")


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("task", "sts-b", "task"),
        ("subset", "matched", "subset"),
        ("method", "TwoBERT", "method"),
        ("split", "train", "split"),
        ("metric", "f1", "metric"),
        ("value", "", "value"),
        ("value", "930", "value"),
        ("speedup", "0.5", "speedup"),
        ("speedup", "", "speedup_kind"),
        ("evidence", "X", "evidence"),
        ("source", "hearsay", "source"),
    ],
)
def test_a_row_that_breaks_the_schema_is_named(tmp_path, column, value, rule):
    rows = published().astype(object).fillna("")
    broken = rows.index[(rows["task"] == "sst2") & (rows["method"] == "DeeBERT")][0]
    rows.loc[broken, column] = value
    rows.to_csv(tmp_path / "broken.csv", index=False)
    with pytest.raises(ValueError, match=rf"{rule} is not allowed in lines \[{broken + 2}\]"):
        published(tmp_path / "broken.csv")


def test_columns_and_repeated_rows_are_checked(tmp_path):
    rows = published().astype(object).fillna("")
    rows.drop(columns="note").to_csv(tmp_path / "short.csv", index=False)
    with pytest.raises(ValueError, match="columns are"):
        published(tmp_path / "short.csv")
    pd.concat([rows, rows.iloc[:1]]).to_csv(tmp_path / "twice.csv", index=False)
    with pytest.raises(ValueError, match="one row"):
        published(tmp_path / "twice.csv")


def test_without_ours_the_table_is_the_literature_alone():
    table = published_table()
    keys = ["task", "subset", "method", "split", "source"]
    assert list(table.columns) == SHOWN
    assert len(table) == len(published().drop_duplicates(keys))
    assert list(table["task"].unique()) == [s.title for s in TASKS.values()] + ["all eight"]
    first = table.drop_duplicates("task").set_index("task")["method"]
    assert set(first.drop("all eight")) == {"BERT"}


def test_ours_change_no_cell_of_the_literature(everything):
    alone, beside = published_table(), published_table(everything)
    both = beside[beside["source"] != ""].reset_index(drop=True)
    # At MNLI the rows of one test set stand together in both.
    pd.testing.assert_frame_equal(both[SHOWN], alone)
    assert not alone["score"].str.contains("12.3").any()
    assert (beside.loc[beside["source"] == "", ["split", "score", "speed-up"]] == "").all(axis=None)


def test_each_method_of_ours_stands_once_per_test_set(everything):
    table = published_table(everything)
    filled = table[table["ours score"] != ""]
    sets = sum(len(spec.test) for spec in TASKS.values())
    assert len(filled) == sets * len(OURS)
    assert set(filled["ours score"]) == {"12.3 [11.0, 13.0]"}
    assert set(filled["ours cost"]) == {"45.6%"}
    mnli = filled[(filled["task"] == "MNLI") & (filled["method"] == "BERT")]
    assert list(mnli["ours set-up"]) == ["matched, full, 5 seeds", "mismatched, full, 5 seeds"]
    assert set(filled[filled["method"] == "PABEE"]["ours set-up"]) == {
        *("b50, 5 seeds", "matched, b50, 5 seeds", "mismatched, b50, 5 seeds")
    }


def test_a_point_without_a_setting_has_no_number_but_a_reason():
    nan = float("nan")
    empty = {"score": nan, "score_low": nan, "score_high": nan, "cost": nan, "seeds": 1}
    table = published_table(ours(point("rte", "deebert", **empty, status="over budget")))
    row = table[table["ours set-up"] != ""].iloc[0]
    assert row[SHOWN_OURS].tolist() == ["", "", "b50, 1 seed, over budget"]
    assert (row["method"], row["score"]) == ("DeeBERT", "64.3")


def test_a_missing_column_or_a_second_point_is_refused():
    with pytest.raises(ValueError, match=r"\['cost'\] are missing"):
        published_table(ours(point("rte", "pabee")).drop(columns="cost"))
    with pytest.raises(ValueError, match="two points"):
        published_table(ours(point("rte", "pabee"), point("rte", "pabee", score=1.0)))


def test_no_points_of_ours_leave_our_columns_empty():
    table = published_table(ours())
    assert list(table.columns) == SHOWN + SHOWN_OURS
    assert (table[SHOWN_OURS] == "").all(axis=None)


def test_the_page_says_what_the_figures_are():
    table = published_table(ours(point("rte", "smartbert")))
    text = published_markdown(table, caption="Made up.")
    for part in ("Made up.", "columns of their own", "arXiv 2412.13236", "not known", "2–3x"):
        assert part in text
    assert "- COSEE, DeeBERT and PABEE (MRPC): " in text
    assert "Ours" not in published_markdown(published_table())


def test_the_table_is_set_in_latex():
    table = published_table(ours(point("rte", "smartbert")))
    assert len(table) > LONG
    text = published_latex(table, caption="50 % of cost")
    assert r"\begin{longtable}{" in text and r"50 \% of cost" in text and "`" not in text
    assert r"45.6\%" in text and "2--3x" in text
    assert text.count(r"\midrule") == 2 + len(TASKS)
