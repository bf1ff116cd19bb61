"""Tables from made-up scores: means over seeds, what is in them and what is not."""

import numpy as np
import pandas as pd
import pytest
from made_up_tables import TITLES, every_score, exits, gate_rows, points, scores

from smartbert.analysis.tables import (
    beside_main,
    best_methods,
    concat,
    exits_table,
    gates_table,
    glue_table,
    main_columns,
    one_convention,
    subject_differences,
    sweep_table,
    trained_seeds,
    turned,
)
from smartbert.points import FIXED, FULL, GLOBAL, MAIN, PER_LAYER, SETTLED, SWEEP
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


def test_beside_a_score_stands_its_optimism_and_beside_the_mean_of_ratios_that_of_sums(rows):
    table = glue_table(rows, points(rows))
    # Made up: 1.5 points more on tune, and 0.02 less where the sums are related.
    assert table["optimism"].to_numpy() == pytest.approx(1.5)
    assert (table["cost_relative"] - table["cost_total"]).to_numpy() == pytest.approx(0.02)
    assert {"optimism", "cost_total", "none"} < set(table)
    swept = sweep_table(rows)
    assert (swept["cost_relative"] - swept["cost_total"]).to_numpy() == pytest.approx(0.02)
    assert "optimism" not in swept  # of what nothing was tuned


def test_settled_has_a_row_with_the_comparisons_numbers(rows):
    statistics = points(rows)
    own = statistics[statistics["method"] == "pabee"]
    settled = own.assign(space=FIXED, point=SETTLED, score=77.0, cost=0.4)
    table = glue_table(rows, concat([statistics, settled]))
    bound = table[table["point"] == SETTLED]
    assert set(bound["method"]) == {"pabee"} and set(bound["task"]) == set(TASKS)
    assert (bound["score"] == 77).all() and (bound["cost_relative"] == 0.4).all()
    assert bound["speedup"].to_numpy() == pytest.approx(2.5)
    assert bound["optimism"].isna().all() and bound["score_low"].notna().all()
    assert (table["point"] == FULL).sum() == len(statistics)


def test_beside_the_main_space_stand_fixed_exits_and_what_a_method_names():
    spaces = {"full_bert": [MAIN], "deebert": [MAIN, GLOBAL, PER_LAYER, FIXED]}
    spaces["pabee"] = [MAIN, PER_LAYER, FIXED]
    rows = pd.DataFrame(
        {"task": "rte", "method": method, "title": TITLES[method], "space": space}
        for method, own in spaces.items()
        for space in own
    )
    table = beside_main(rows, {"deebert": (PER_LAYER,)})
    assert dict(zip(table["title"], table["method"], strict=True)) == {
        **{"BERT": "full_bert", "DeeBERT": "deebert", "PABEE": "pabee"},
        "DeeBERT, fixed exit": "deebert:fixed",
        "DeeBERT, thresholds per layer": "deebert:per_layer",
        "PABEE, fixed exit": "pabee:fixed",
    }
    assert table["method"].is_unique and set(table["space"]) == {MAIN, FIXED, PER_LAYER}
    assert list(beside_main(rows, {})["method"])[3:] == ["deebert:fixed", "pabee:fixed"]


def test_mnlis_two_test_sets_have_rows_of_their_own(rows):
    table = sweep_table(rows)
    own = table[(table["task"] == "mnli") & (table["method"] == "pabee")]
    assert set(own["subset"]) == {"matched", "mismatched"}


def test_the_sweep_is_what_was_published_and_not_what_was_tuned(rows):
    table = sweep_table(rows)
    assert set(table["space"]) == {SWEEP} and "full" not in set(table["point"])
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


def test_a_methods_own_fixed_depths_are_no_other_method():
    row = {"task": "rte", "difference": 1.0, "low": 0.0, "high": 2.0, "probability": 0.9}
    pairs = [("smartbert", "deebert", MAIN), ("pabee", "smartbert", MAIN)]
    table = pd.DataFrame({**row, "first": a, "second": b, "space": s} for a, b, s in pairs)
    found = subject_differences(table)
    assert dict(zip(found["other"], found["difference"], strict=True)) == {
        "deebert": 1.0,
        "pabee": -1.0,
    }


def test_the_best_and_its_ties_are_told_by_their_intervals():
    head = {"task": "rte", "subset": "", "title": "", "space": MAIN, "point": "b50"}
    rows = pd.DataFrame(
        {**head, "method": method, "score": score, "cost_relative": 0.5}
        for method, score in (("a", 80.0), ("b", 79.0), ("c", 70.0))
    )
    pair = {**head, "kind": "score", "probability": 0.5}
    differences = pd.DataFrame(
        [
            {**pair, "first": "a", "second": "b", "difference": 1.0, "low": -1.0, "high": 3.0},
            {**pair, "first": "c", "second": "a", "difference": -10.0, "low": -12.0, "high": -8.0},
        ]
    )
    how = {"space": MAIN, "point": "b50", "kind": "score"}
    assert best_methods(rows, differences, **how) == {("rte", ""): {"a", "b"}}
    # What has no setting in too many draws is not told from the best.
    opened = differences.assign(high=[3.0, np.inf])
    assert best_methods(rows, opened, **how) == {("rte", ""): {"a", "b", "c"}}


def test_trained_are_the_most_seeds_that_a_method_has_anywhere():
    table = pd.DataFrame({"task": "rte", "method": ["a", "a", "b"], "seeds": [3, 1, 2]})
    assert list(trained_seeds(table)) == [3, 3, 2]


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
