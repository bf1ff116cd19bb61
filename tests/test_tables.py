"""Tables and figures from made-up scores: means over seeds, captions, colours, every panel."""

import numpy as np
import pandas as pd
import pytest

from smartbert.plots import STYLES, all_tasks_figure, exits_figure, save, style, task_figure
from smartbert.tables import (
    COLUMNS,
    exits_markdown,
    exits_table,
    gates_markdown,
    gates_table,
    glue_markdown,
    glue_table,
)
from smartbert.tasks import TASKS

METHODS = {"full_bert": "BERT", "smartbert": "SmartBERT", "deebert": "DeeBERT", "pabee": "PABEE"}


def scores(task: str, method: str, seed: int, convention: str = "flops") -> pd.DataFrame:
    """Made-up rows: dense BERT one point, the others four, falling with cost."""
    rng = np.random.default_rng([seed, len(task), len(method)])
    costs = [1.0] if method == "full_bert" else [1.05, 0.8, 0.5, 0.3]
    rows = [
        {
            "task": task,
            "method": method,
            "title": METHODS[method],
            "seed": seed,
            "point": "full" if i == 0 else f"entropy {i / 10:g}",
            "subset": subset,
            "skip_threshold": None,
            "exit_threshold": i / 10,
            "score": 80 + rng.normal() - 10 * (1 - cost),
            "accuracy": 80.0,
            "f1": None,
            "mcc": None,
            "cost_relative": cost,
            "speedup": 1 / cost,
            "layers": 6 * cost,
            "examples": 100,
            "convention": convention,
            "status": "ok",
        }
        for i, cost in enumerate(costs)
        for subset, _ in TASKS[task].test
    ]
    return pd.DataFrame(rows).replace({"subset": {"": None}})


def exits(task: str, method: str) -> pd.DataFrame:
    layers = [6] if method == "full_bert" else range(1, 7)
    rows = [
        {
            **{"task": task, "method": method, "title": METHODS[method], "seed": 1, "subset": None},
            **{"layer": n, "score": 50 + 5 * n, "accuracy": 50.0, "f1": None, "mcc": None},
        }
        for n in layers
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def table() -> pd.DataFrame:
    return glue_table([scores(t, m, s) for t in TASKS for m in METHODS for s in (1, 2)])


def test_the_table_averages_over_seeds(table):
    row = table[(table["task"] == "rte") & (table["method"] == "pabee")].iloc[1]
    singles = [scores("rte", "pabee", seed)["score"].iloc[1] for seed in (1, 2)]
    assert row["score"] == pytest.approx(np.mean(singles))
    assert row["seeds"] == 2
    assert row["speedup"] == pytest.approx(1 / row["cost_relative"])
    assert list(table.columns) == COLUMNS
    assert list(table["task"].unique()) == list(TASKS)


def test_mnlis_two_test_sets_have_rows_of_their_own(table):
    rows = table[(table["task"] == "mnli") & (table["method"] == "full_bert")]
    assert list(rows["subset"]) == ["matched", "mismatched"]
    text = glue_markdown(table, caption="")
    assert "MNLI (matched)" in text and "MNLI (mismatched)" in text


def test_conventions_are_never_mixed():
    mixed = [scores("rte", "pabee", 1), scores("rte", "pabee", 2, convention="layers")]
    with pytest.raises(ValueError, match="mixed cost conventions"):
        glue_table(mixed)


def test_the_table_states_its_data_and_convention(table):
    text = glue_markdown(table, caption="Made up.")
    assert "Made up." in text and "`flops`" in text and "true token length" in text


def test_the_exits_table_shows_methods_with_exits_and_dense_bert():
    table = exits_table([exits("rte", "pabee"), exits("rte", "full_bert")])
    text = exits_markdown(table, caption="")
    pabee = next(line for line in text.splitlines() if "PABEE" in line)
    assert [cell.strip() for cell in pabee.split("|")[3:-1]] == [
        f"{50 + 5 * n}.0" for n in range(1, 7)
    ]
    bert = next(line for line in text.splitlines() if "| BERT" in line)
    assert [cell.strip() for cell in bert.split("|")[3:-1]] == [""] * 5 + ["80.0"]


def test_depths_of_one_group_are_not_taken_for_exits():
    def alone(depth: int) -> pd.DataFrame:
        return exits("rte", "full_bert").assign(method="truncated_bert", layer=depth)

    table = exits_table([exits("rte", "full_bert"), exits("rte", "pabee"), alone(2), alone(3)])
    assert set(table["method"]) == {"full_bert", "pabee"}


def test_the_gates_table_shows_skipping_by_layer():
    columns = [
        "task",
        "method",
        "title",
        "seed",
        "layer",
        "skipped",
        "gate_mean",
        "gate_sd",
        "undecided",
    ]
    rows = [
        ["rte", "smartbert", "SmartBERT", seed, layer, 0.1 * layer + seed / 10, 0.5, 0.02, 1.0]
        for seed in (1, 2)
        for layer in (1, 2)
    ]
    without = pd.DataFrame(columns=columns)
    table = gates_table([without, pd.DataFrame(rows, columns=columns)])
    assert table["skipped"].tolist() == pytest.approx([0.25, 0.35])
    text = gates_markdown(table, caption="")
    assert "| 25% (0.50 ± 0.02) | 35% (0.50 ± 0.02) | 100%" in text
    assert gates_table([without]).empty


def test_a_method_looks_the_same_in_every_picture_and_unlike_the_others(table):
    looks = {name: tuple(style(name, table).values()) for name in METHODS}
    assert looks["smartbert"] == STYLES["smartbert"]
    assert len(set(looks.values())) == len(METHODS)
    own = pd.DataFrame({"method": ["full_bert", "mine", "other"]})
    assert style("mine", own) != style("other", own)


def test_every_task_has_its_panel(table, tmp_path):
    figure = all_tasks_figure(table, caption="Made up.")
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == [TASKS[n].title + (" (matched)" if n == "mnli" else "") for n in TASKS]
    assert all(len(axes.lines) >= len(METHODS) for axes in figure.axes)
    save(figure, tmp_path / "glue")
    save(task_figure(table, "rte", caption=""), tmp_path / "rte")
    rows = exits_table([exits(t, m) for t in TASKS for m in METHODS])
    save(exits_figure(rows, caption="Made up."), tmp_path / "exits")
    assert len(list(tmp_path.iterdir())) == 6


def test_the_same_figure_is_written_byte_for_byte(table, tmp_path):
    for name in ("a", "b"):
        save(task_figure(table, "rte", caption="x"), tmp_path / name)
    for kind in ("png", "pdf"):
        first, second = ((tmp_path / f"{n}.{kind}").read_bytes() for n in "ab")
        assert first == second
