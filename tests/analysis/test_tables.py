"""Tables from made-up scores: means over seeds, what is in them and what is not."""

import numpy as np
import pandas as pd
import pytest
from made_up_tables import every_score, exits, gate_rows, points, scores

from smartbert.analysis.tables import (
    concat,
    exits_table,
    gates_table,
    glue_table,
    main_columns,
    one_convention,
    sweep_table,
    turned,
)
from smartbert.points import PUBLISHED
from smartbert.tasks import TASKS, TaskSpec, adopt


@pytest.fixture
def rows() -> pd.DataFrame:
    return every_score()


def test_the_table_averages_over_seeds(rows):
    table = glue_table(rows, points(rows))
    row = table[(table["task"] == "rte") & (table["method"] == "pabee")].iloc[0]
    singles = [scores("rte", "pabee", seed)["score"].iloc[0] for seed in (1, 2)]
    assert row["score"] == pytest.approx(np.mean(singles))
    assert row["seeds"] == 2
    assert row["speedup"] == pytest.approx(1 / row["cost_relative"])
    assert list(table.columns[: len(main_columns())]) == main_columns()
    assert list(table["task"].unique()) == list(TASKS)


def test_mnlis_two_test_sets_have_rows_of_their_own(rows):
    table = sweep_table(rows)
    own = table[(table["task"] == "mnli") & (table["method"] == "pabee")]
    assert set(own["subset"]) == {"matched", "mismatched"}


def test_the_sweep_is_what_was_published_and_not_what_was_tuned(rows):
    table = sweep_table(rows)
    assert set(table["space"]) == {PUBLISHED} and "full" not in set(table["point"])
    assert "full_bert" not in set(table["method"])


def test_conventions_are_never_mixed():
    mixed = [scores("rte", "pabee", 1), scores("rte", "pabee", 2, convention="layers")]
    with pytest.raises(ValueError, match="mixed cost conventions"):
        one_convention(concat(mixed))


def test_depths_of_one_group_are_not_taken_for_exits():
    def alone(depth: int) -> pd.DataFrame:
        own = exits("rte", "full_bert").assign(method="truncated_bert", layer=depth)
        return own.assign(member=f"truncated_bert_{depth}")

    parts = [exits("rte", "full_bert"), exits("rte", "pabee"), alone(2), alone(3)]
    assert set(exits_table(concat(parts))["method"]) == {"full_bert", "pabee"}


def test_the_gates_table_shows_skipping_by_layer():
    table = gates_table(concat([gate_rows(filled=False), gate_rows()]))
    assert table["skipped"].tolist() == pytest.approx([0.25, 0.35])
    assert gates_table(gate_rows(filled=False)).empty


def test_a_difference_turned_round_is_its_negative():
    row = {"first": "a", "second": "b", "difference": 1.0, "low": -0.5, "high": 2.0}
    (back,) = turned(pd.DataFrame([{**row, "probability": 0.9}])).itertuples()
    assert (back.first, back.second) == ("b", "a")
    assert (back.difference, back.low, back.high) == (-1.0, -2.0, 0.5)
    assert back.probability == pytest.approx(0.1)


@pytest.fixture
def macro():
    """A task of its own kind, forgotten afterwards."""
    spec = TaskSpec("three", "Three", ("text",), ("a", "b", "c"), score=("macro_f1",))
    yield adopt(spec)
    del TASKS[spec.name]


def test_a_metric_of_no_glue_task_has_a_column_where_a_task_measures_it(rows, macro):
    own = scores("rte", "pabee", 1).assign(task="three", macro_f1=50.0)
    both = concat([rows, own])
    table = glue_table(both, points(both)).set_index("task")
    assert table.loc["three", "macro_f1"] == 50 and table.loc["rte", "macro_f1"].isna().all()
    missing = glue_table(rows, points(rows))  # no run of that task has finished
    assert "macro_f1" in missing and missing["macro_f1"].isna().all()
