"""Tuning as the workflow calls it, on a made-up run: what it reads, refuses and continues."""

import json
import shutil

import optuna
import pytest
from made_up_run import TUNING, record, task_data, traces, tune_words

from smartbert.errors import UserError
from smartbert.results import Results
from workflow.scripts import tune


def test_points_do_not_change_when_test_does(run, tmp_path):
    """Tuning reads nothing of test: with a corrupted test trace the same thresholds come out."""
    folder = tmp_path / "run"
    shutil.copytree(run, folder)
    points = Results(folder).run("rte", "smartbert", 1).points
    before = points.read_bytes()
    points.unlink()
    traces(folder, "rte", ["smartbert"], 1, "test")[0].write_bytes(b"nothing of use")
    tune.main(tune_words(folder, "rte", "smartbert", 1))
    assert points.read_bytes() == before


def test_a_tune_trace_of_other_data_is_refused_by_name(run, tmp_path):
    words = tune_words(run, "rte", "deebert", 1)
    other = tmp_path / "task.json"
    task_data("rte", tune="changed").write(other)
    words[words.index("--data") + 1] = str(other)
    with pytest.raises(UserError, match="has data 'data of rte tune', wanted is 'changed'"):
        tune.main(words)


def test_a_kept_study_is_continued_only_with_the_same_traces_cost_and_search(run, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(run / "data", folder / "data")
    for method in ("full_bert", "deebert"):
        record(folder, "rte", method, 1)
    storage = f"sqlite:///{tmp_path}/studies.db"
    words = tune_words(folder, "rte", "deebert", 1)

    def studies(**changes: object) -> int:
        """How many studies there are after tuning."""
        settings = {**TUNING, "trials": 12, "spaces": ["published"], "storage": storage}
        settings |= {k: changes.pop(k) for k in ("trials", "seed") if k in changes}
        own = list(words)
        own[own.index("--settings") + 1] = json.dumps(settings)
        for option, value in changes.items():
            own += [f"--{option}", str(value)]
        tune.main(own)
        return len(optuna.get_all_study_names(storage))

    assert studies() == 1
    assert studies(trials=14) == 1
    assert studies(convention="layers") == 2
    assert studies(seed=3) == 3
    assert studies(code="changed") == 4
    for method in ("full_bert", "deebert"):
        record(folder, "rte", method, 1, n=90)  # the same weights, recorded otherwise
    assert studies() == 5
