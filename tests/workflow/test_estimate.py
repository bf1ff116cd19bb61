"""The estimate: it counts the trainings that Snakemake lists, and grows as it should."""

import re

import pytest
from flow import snakemake

from workflow.scripts import estimate
from workflow.settings import entries
from workflow.settings.kept import decide


def total(capsys, *words: str) -> tuple[int, float]:
    """Trainings and hours that the command prints."""
    estimate.main(list(words))
    said = re.search(r"in all (\d+) trainings, ([\d.]+) hours", capsys.readouterr().out)
    return int(said[1]), float(said[2])


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
    steps = sum(
        one.steps for one in estimate.plan(config, decide(config)) if one.entry == "full_bert"
    )
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
    pace = estimate.measured(sizes, "fp32")
    assert pace.token > 0 and pace.forward > 0 and pace.step >= 0
