"""Tables from made-up scores: means over seeds, captions, what stands in a cell."""

import numpy as np
import pandas as pd
import pytest

from smartbert.evaluation import PUBLISHED
from smartbert.pages import differences_page, exits_page, gates_page, sweep_page
from smartbert.tables import (
    COLUMNS,
    concat,
    exits_table,
    gates_table,
    glue_table,
    one_convention,
    sweep_table,
    turned,
)
from smartbert.tasks import TASKS

TITLES = {"full_bert": "BERT", "smartbert": "SmartBERT", "deebert": "DeeBERT", "pabee": "PABEE"}


def scores(task: str, method: str, seed: int, convention: str = "flops") -> pd.DataFrame:
    """Made-up rows of a run: a tuned point, and but for dense BERT a published sweep of three."""
    rng = np.random.default_rng([seed, len(task), len(method)])
    costs = [1.0] if method == "full_bert" else [1.05, 0.8, 0.5, 0.3]
    rows = [
        {
            **{"task": task, "method": method, "title": TITLES[method], "seed": seed},
            **{
                "space": PUBLISHED if i else "global",
                "point": f"entropy {i / 10:g}" if i else "full",
            },
            **{"subset": subset, "skip_threshold": None, "exit_threshold": i / 10},
            "score": 80 + rng.normal() - 10 * (1 - cost),
            **{"accuracy": 80.0, "f1": None, "mcc": None},
            **{"cost_relative": cost, "speedup": 1 / cost, "layers": 6 * cost},
            **{"examples": 100, "convention": convention, "status": "ok"},
        }
        for i, cost in enumerate(costs)
        for subset, _ in TASKS[task].test
    ]
    return pd.DataFrame(rows)


def points(rows: pd.DataFrame) -> pd.DataFrame:
    """The comparison's rows of the same points."""
    keys = ["task", "method", "title", "space", "subset", "point"]
    own = rows[rows["space"] == "global"].groupby(keys, sort=False)["score"].mean().reset_index()
    return own.assign(
        score_low=own["score"] - 1,
        score_high=own["score"] + 1,
        cost_low=0.9,
        cost_high=1.1,
        seeds=2,
        examples=100,
        status="ok",
    )


def exits(task: str, method: str) -> pd.DataFrame:
    layers = [6] if method == "full_bert" else range(1, 7)
    head = {"task": task, "method": method, "member": method, "title": TITLES[method], "seed": 1}
    rows = [
        {**head, "subset": "", "layer": n, "score": 50 + 5 * n, "accuracy": 50.0, "f1": None}
        for n in layers
    ]
    return pd.DataFrame(rows).assign(mcc=None)


@pytest.fixture
def rows() -> pd.DataFrame:
    return concat([scores(t, m, s) for t in TASKS for m in TITLES for s in (1, 2)])


def test_the_table_averages_over_seeds(rows):
    table = glue_table(rows, points(rows))
    row = table[(table["task"] == "rte") & (table["method"] == "pabee")].iloc[0]
    singles = [scores("rte", "pabee", seed)["score"].iloc[0] for seed in (1, 2)]
    assert row["score"] == pytest.approx(np.mean(singles))
    assert row["seeds"] == 2
    assert row["speedup"] == pytest.approx(1 / row["cost_relative"])
    assert list(table.columns[: len(COLUMNS)]) == COLUMNS
    assert list(table["task"].unique()) == list(TASKS)


def test_mnlis_two_test_sets_have_rows_of_their_own(rows):
    table = sweep_table(rows)
    own = table[(table["task"] == "mnli") & (table["method"] == "pabee")]
    assert set(own["subset"]) == {"matched", "mismatched"}
    text = sweep_page(table, caption="").markdown()
    assert "MNLI (matched)" in text and "MNLI (mismatched)" in text


def test_the_sweep_is_what_was_published_and_not_what_was_tuned(rows):
    table = sweep_table(rows)
    assert set(table["space"]) == {PUBLISHED} and "full" not in set(table["point"])
    assert "full_bert" not in set(table["method"])


def test_conventions_are_never_mixed():
    mixed = [scores("rte", "pabee", 1), scores("rte", "pabee", 2, convention="layers")]
    with pytest.raises(ValueError, match="mixed cost conventions"):
        one_convention(concat(mixed))


def test_a_page_states_its_data_and_convention(rows):
    page = sweep_page(sweep_table(rows), caption="Made up.")
    assert "Made up." in page.markdown() and "`flops`" in page.markdown()
    assert "true token length" in page.markdown()
    assert r"\toprule" in page.latex() and "Made up." in page.latex()


def test_the_exits_table_shows_methods_with_exits_and_dense_bert():
    table = exits_table(concat([exits("rte", "pabee"), exits("rte", "full_bert")]))
    text = exits_page(table, caption="").markdown()
    pabee = next(line for line in text.splitlines() if "PABEE" in line)
    assert [cell.strip() for cell in pabee.split("|")[3:-1]] == [
        f"{50 + 5 * n}.0" for n in range(1, 7)
    ]
    bert = next(line for line in text.splitlines() if "| BERT" in line)
    assert [cell.strip() for cell in bert.split("|")[3:-1]] == [""] * 5 + ["80.0"]


def test_depths_of_one_group_are_not_taken_for_exits():
    def alone(depth: int) -> pd.DataFrame:
        own = exits("rte", "full_bert").assign(method="truncated_bert", layer=depth)
        return own.assign(member=f"truncated_bert_{depth}")

    parts = [exits("rte", "full_bert"), exits("rte", "pabee"), alone(2), alone(3)]
    assert set(exits_table(concat(parts))["method"]) == {"full_bert", "pabee"}


def test_the_gates_table_shows_skipping_by_layer():
    columns = ["task", "method", "member", "title", "seed", "layer"]
    columns += ["skipped", "gate_mean", "gate_sd", "undecided"]
    head = ("rte", "smartbert", "smartbert", "SmartBERT")
    rows = [
        [*head, seed, layer, 0.1 * layer + seed / 10, 0.5, 0.02, 1.0]
        for seed in (1, 2)
        for layer in (1, 2)
    ]
    without = pd.DataFrame(columns=columns)
    table = gates_table(concat([without, pd.DataFrame(rows, columns=columns)]))
    assert table["skipped"].tolist() == pytest.approx([0.25, 0.35])
    text = gates_page(table, caption="").markdown()
    assert "| 25% (0.50 ± 0.02) | 35% (0.50 ± 0.02) | 100%" in text
    assert gates_table(without).empty
    assert gates_page(gates_table(without), caption="").markdown().startswith("# What the gates")


def test_a_difference_turned_round_is_its_negative():
    row = {"first": "a", "second": "b", "difference": 1.0, "low": -0.5, "high": 2.0}
    (back,) = turned(pd.DataFrame([{**row, "probability": 0.9}])).itertuples()
    assert (back.first, back.second) == ("b", "a")
    assert (back.difference, back.low, back.high) == (-1.0, -2.0, 0.5)
    assert back.probability == pytest.approx(0.1)


def test_a_run_without_smartbert_has_an_empty_page_of_differences():
    row = {"task": "rte", "subset": "", "space": "global", "first": "deebert", "second": "pabee"}
    value = {"difference": 1.0, "low": 0.0, "high": 2.0, "probability": 0.9}
    table = pd.DataFrame([{**row, "point": "auc", "kind": "score", **value}])
    page = differences_page(table, TITLES, caption="Made up.")
    assert page.sections == () and "Made up." in page.markdown() and page.latex() == ""
