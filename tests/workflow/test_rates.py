"""The search for the heads' learning rates: entries that it adds, what it chooses, its page."""

import json
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
from configs import changed, merged
from made_up import made_up
from made_up_run import task_data

from smartbert.analysis.rates import best_rates, heads_score, rate_rows
from smartbert.errors import UserError
from smartbert.report.rates_page import rates_page
from smartbert.results import Results
from smartbert.tasks import TASKS, forget_own
from workflow.scripts import rates as script
from workflow.settings import entries, rates, validation


def test_every_rate_is_a_training_that_differs_in_it_alone():
    config = merged()
    validation.validate(config)
    for name in config["rates"]["entries"]:
        members = rates.rate_members(config, name)
        assert sorted(members.values()) == [2e-5, 2e-4, 1e-3]
        key = "learning_rate" if name in ("smartbert", "exit_only", "deebert", "fastbert") else None
        key = key or "heads_rate"
        own = entries.method_settings(config, "rte", name)
        for member, value in members.items():
            other = entries.method_settings(config, "rte", member)
            assert rates.used_rate(config, "rte", member) == value
            assert {k for k in own if own[k] != other[k]} <= {key}
            assert entries.needed(config, member) == entries.needed(config, name)


def test_the_rate_in_the_config_is_the_entry_itself():
    config = changed("methods.pabee.heads_rate", 2e-4)
    assert rates.rate_members(config, "pabee")["pabee"] == 2e-4
    config = changed("methods.pabee.heads_rate", None)  # the training's
    assert rates.rate_members(config, "pabee")["pabee"] == 2e-5
    config = changed("methods.pabee.heads_rate", 3e-4)  # none of those compared
    assert "pabee" not in rates.rate_members(config, "pabee")
    assert len(rates.rate_members(config, "pabee")) == 3


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("pabe", "did you mean 'pabee'"),
        ("pcee_bert", "rates.entries has 'pcee_bert', whose method has no learning rate of heads"),
        ("random_skip", "rates.entries has 'random_skip', whose method has no learning rate"),
    ],
)
def test_an_entry_without_such_a_rate_is_one_line(entry, message):
    with pytest.raises(UserError) as error:
        validation.validate(changed("rates.entries", [entry]))
    assert message in str(error.value) and "\n" not in str(error.value)


def test_an_entry_of_ones_own_keeps_its_name():
    config = changed("rates.entries", ["pabee"])
    config["methods"]["pabee_rate_0_0002"] = {"like": "pabee", "epochs": 1}
    with pytest.raises(UserError, match="methods has 'pabee_rate_0_0002', which is what `rates`"):
        validation.validate(config)


def test_a_rate_that_a_task_sets_does_not_stand_for_those_that_are_compared():
    own = {"rte": {"training": {"learning_rate": 3e-5}, "pabee": {"heads_rate": 3e-4}}}
    config = changed("task_settings", own)
    validation.validate(config)
    for name in config["rates"]["entries"]:
        members = rates.rate_members(config, name)
        for (member, value), task in product(members.items(), ("rte", "mrpc")):
            assert rates.used_rate(config, task, member) == value
    assert rates.used_rate(config, "rte", "pabee") == 3e-4  # as the task has it


def test_the_script_knows_the_tasks_and_keeps_close_rates_apart(tmp_path):
    members = {"pabee": {"pabee": 1.25e-5, "pabee_rate_x": 1.3e-5}}
    traces = []
    for name in members["pabee"]:
        trace = made_up("rte", "pabee", n=60, split="tune")
        meta = replace(trace.meta, method=name, task="tickets")
        traces.append(tmp_path / f"{name}.safetensors")
        replace(trace, meta=meta).save(traces[-1])
    spec = replace(TASKS["rte"], name="tickets", title="Tickets", own=True)
    data = tmp_path / "task.json"
    replace(task_data("rte"), task="tickets", record=spec).write(data)
    listed = tmp_path / "traces.txt"
    listed.write_text("".join(f"{path}\n" for path in traces))
    out = Results(tmp_path / "run")
    words = [
        "--traces",
        listed,
        "--data",
        data,
        "--members",
        json.dumps(members),
        "--out",
        out.folder,
    ]
    try:
        script.main([str(word) for word in words])
    finally:
        forget_own()
    assert pd.read_csv(out.table("rates"))["rate"].tolist() == [1.25e-5, 1.3e-5]
    page = out.table("rates", "md").read_text()
    assert "Tickets" in page and "1.25e-05" in page and "1.3e-05" in page


def test_heads_are_scored_where_they_run():
    trace = made_up("rte", "smartbert", n=60)
    paths = trace.path(trace.meta.skip_threshold)
    answers = [*paths.exit_logits.transpose(1, 0, 2), paths.final_logits]
    expected = []
    for logits in answers:
        ran = ~np.isnan(logits[:, 0])
        if ran.any():
            expected.append(100 * (logits[ran].argmax(-1) == trace.labels[ran]).mean())
    assert heads_score(trace) == pytest.approx(np.mean(expected))
    assert any(np.isnan(logits).any() for logits in answers)  # gates have skipped somewhere
    alone = made_up("rte", "full_bert", n=60)
    right = alone.path(None).final_logits.argmax(-1) == alone.labels
    assert heads_score(alone) == pytest.approx(100 * right.mean())


def table(**scores: list[float]) -> pd.DataFrame:
    """Return rows of two tasks for an entry at rates 1e-3 and 2e-4."""
    return pd.DataFrame(
        [
            {"task": task, "method": name, "title": name, "seed": 1, "rate": rate,
             "score": score, "used": rate == 2e-4}
            for name, values in scores.items()
            for (rate, task), score in zip(
                [(r, t) for r in (1e-3, 2e-4) for t in ("rte", "mrpc")], values, strict=True
            )
        ]
    )  # fmt: skip


def test_the_best_mean_of_tasks_wins_and_of_equal_ones_the_smallest_rate():
    rows = table(one=[60, 80, 70, 69], equal=[60, 80, 70, 70], late=[71, 71, 70, 71])
    assert best_rates(rows) == {"one": 1e-3, "equal": 2e-4, "late": 1e-3}


def test_the_page_says_whose_rate_is_not_the_best():
    text = rates_page(table(one=[60, 80, 70, 69], two=[1, 1, 2, 2]), caption="Made up.").markdown()
    assert "another rate than the best one for one." in text
    assert "**70.0**" in text and "| two" in text
    agreed = rates_page(table(two=[1, 1, 2, 2]), caption="").markdown()
    assert "The config has the best rate of every entry." in agreed


def test_rows_name_the_entry_and_the_rate_in_use():
    trace = made_up("rte", "pabee", n=40)
    trace = replace(trace, meta=replace(trace.meta, method="entry"))
    rows = rate_rows([trace], {"entry": {"entry": 2e-4}})
    assert [(r["method"], r["rate"], r["used"]) for r in rows] == [("entry", 2e-4, True)]
    assert rows[0]["score"] == heads_score(trace)
