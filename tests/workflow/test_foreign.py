"""A method by its traces alone: the config names them, and the run has its rows."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from configs import merged
from conftest import ROOT
from flow import SMALL, Run

from smartbert.errors import UserError
from smartbert.results import Results
from smartbert.trace.trace import Trace
from workflow.settings import entries, plan, validation

(EXAMPLE,) = re.findall(
    r"```python\n(.*?)```", (ROOT / "docs" / "traces.md").read_text(), re.DOTALL
)
CONFIG = {
    **SMALL,
    "data": {"synthetic": {"train": 100, "test": 40}, "tune": {"min": 30}},
    "compare": ["full_bert"],
    "methods": {"full_bert": {"epochs": 1}},
    "tuning": {"trials": 30},
    "statistics": {"draws": 100},
}


def asked(**theirs) -> dict:
    """Return the config of RTE alone with an entry whose traces are elsewhere."""
    config = merged()
    config |= {"tasks": ["rte"], "compare": ["full_bert", "theirs"]}
    config["ablations"]["tasks"] = []
    config["seeds"]["rte"] = [1]
    config["methods"]["theirs"] = {"traces": "nowhere", **theirs}
    return config


def test_lacking_traces_are_told_before_anything_runs():
    with pytest.raises(UserError) as error:
        validation.validate(asked())
    text = str(error.value)
    assert "methods.theirs.traces is 'nowhere', which lacks rte/seed1/trace-tune.safet" in text
    assert "docs/traces.md" in text and "\n" not in text


@pytest.mark.parametrize(
    ("own", "message"),
    [({"epochs": 2}, "unknown key 'epochs'"), ({"continues": "full_bert"}, "unknown key")],
)
def test_what_is_not_run_here_has_no_settings(own, message):
    with pytest.raises(UserError, match=message):
        validation.validate(asked(**own))


def test_such_an_entry_is_neither_trained_nor_kept(tmp_path):
    for split in ("tune", "test"):
        path = tmp_path / "rte" / "seed1" / f"trace-{split}.safetensors.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    config = asked(traces=str(tmp_path))
    kept = validation.validate(config)
    assert {name for _, name, _ in kept.trained} == {"full_bert"}
    assert entries.is_read(config, "theirs") and plan.read_from(config, "theirs") is None
    shown = plan.manifest(config)
    assert shown.methods["theirs"].role == "rival" and shown.trainings["theirs"] == ((),)
    first = entries.trace_files(config, "theirs", "rte", 1)[0]
    assert first.endswith("trace-tune.safetensors.gz")


@pytest.mark.slow
def test_a_method_from_elsewhere_is_a_row_like_any_other(tmp_path, monkeypatch):
    run = Run(tmp_path / "run", CONFIG)
    run.call(str(run.run("full_bert") / "scores.csv"))
    monkeypatch.chdir(tmp_path)
    Path("results").mkdir()
    Path("results/quick").symlink_to(run.results)
    names: dict = {}
    exec(EXAMPLE, names)
    rng = np.random.default_rng(0)
    for split in ("tune", "test"):
        labels = Trace.load(Results(run.results).run("rte", "full_bert", 1).trace(split)).labels
        sure = 2 * labels[:, None, None] * np.array([-1, 1]) + rng.normal(size=(len(labels), 5, 2))
        names["write"](split, sure, sure[:, -1])
    theirs = {"traces": str(tmp_path / "theirs"), "title": "From elsewhere"}
    run.set(compare=["full_bert", "theirs"], methods={**CONFIG["methods"], "theirs": theirs})
    said = run.call()
    assert "rule train" not in said
    table = pd.read_csv(run.results / "tables" / "glue.csv")
    own = table[table["method"] == "theirs"]
    assert set(own["title"]) == {"From elsewhere"} and {"published", "fixed"} <= set(own["space"])
    half = own[(own["space"] == "published") & (own["point"] == "b50")].iloc[0]
    assert half["status"] == "ok" and half["cost_relative"] <= 0.6 and half["score"] > 60
    assert yaml.safe_load((run.folder / "config.yaml").read_text())["methods"]["theirs"] == theirs
