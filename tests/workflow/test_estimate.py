"""The estimate: it counts the trainings that Snakemake lists, and grows as it should."""

import re

import pytest
from flow import snakemake

from smartbert.train import pace
from workflow.scripts import estimate
from workflow.settings import entries
from workflow.settings.kept import decide


def total(capsys, *words: str) -> tuple[int, float]:
    """Trainings and hours that the command prints."""
    estimate.main(list(words))
    said = re.search(r"in all (\d+) trainings, ([\d.]+) hours", capsys.readouterr().out)
    return int(said[1]), float(said[2])


def planned(config: dict) -> list[estimate.Training]:
    """The trainings of a config on BERT-base."""
    return estimate.plan(config, decide(config), layers=12, width=768)


def test_it_counts_what_the_dry_run_lists(capsys):
    plan = snakemake("-n", "--cores", "8", "--quiet", "rules")
    listed = int(re.search(r"^train +(\d+)", plan, re.MULTILINE)[1])
    assert total(capsys, "--teraflops", "99")[0] == listed


def test_half_the_speed_takes_twice_as_long(capsys):
    assert total(capsys, "--teraflops", "1")[1] == pytest.approx(
        2 * total(capsys, "--teraflops", "2")[1], rel=0.01
    )


def test_a_steps_least_time_counts_every_step():
    config = estimate.merged([])
    steps = sum(one.steps for one in planned(config) if one.entry == "full_bert")
    rows = {task: estimate.fit_rows(config, task) for task in config["tasks"]}
    own = {task: entries.method_settings(config, task, "full_bert") for task in rows}
    assert steps == sum(
        -(-rows[t] // own[t]["batch_size"]) * own[t]["epochs"] * len(entries.seeds(config, t))
        for t in rows
    )


def test_what_methods_take_is_read_from_the_kept_trainings():
    ratios = estimate.relative()
    assert ratios["full_bert"] == 1 and ratios["skip_only"] > ratios["deebert"] > 0


def test_this_machine_is_measured():
    sizes = {"hidden": 192, "intermediate": 768, "layers": 2}
    found = pace.measured(sizes, "fp32", threads=1)
    assert found.token > 0 and found.forward > 0 and found.step >= 0


def test_heads_from_held_states_are_cheap_and_share_a_pass(tmp_path):
    text = "methods: {exit_again: {like: exit_only, title: Again}}\n"
    text += "compare: [full_bert, exit_only, exit_again]\n"
    text += "tasks: [rte]\nablations: {tasks: []}\n"
    own = tmp_path / "held.yaml"
    own.write_text(text)
    config = estimate.merged([own])
    held = [one for one in planned(config) if one.holds is not None]
    rows, seeds = estimate.fit_rows(config, "rte"), len(entries.seeds(config, "rte"))
    assert len(held) == 2 * seeds
    assert sum(one.holds for one in held) == rows * seeds  # once for both entries
    config["resources"]["states_gb"] = 0.1  # too little for them
    assert all(one.holds is None for one in planned(config))
    plain = estimate.merged([])
    kept = {one.entry for one in planned(plain) if one.holds is not None}
    assert kept and not any(name.endswith("_released") for name in kept)


def test_tune_is_as_large_as_its_cut(tmp_path):
    config = estimate.merged([])
    assert estimate.tune_rows(config, "rte") == 249
    assert estimate.tune_rows(config, "mnli") == 2000 and estimate.tune_rows(config, "wnli") == 100
