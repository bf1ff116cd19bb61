"""A run in stretches, for real: kept runs that count are replayed, the rest is trained."""

import re
from pathlib import Path

import pytest
from flow import SMALL, Run, differing

from smartbert.results import Results
from workflow.scripts import reference

pytestmark = pytest.mark.slow

NAMES = ["full_bert", "smartbert", "skip_only", "deebert"]
EPOCHS = {"full_bert": 1, "skip_only": 2, "smartbert": 1, "deebert": 1}
CONFIG = {
    **SMALL,
    "data": {"synthetic": {"train": 100, "test": 40}, "tune": {"min": 30}},
    "compare": NAMES,
    "methods": {name: {"epochs": number} for name, number in EPOCHS.items()},
    "tuning": {"trials": 40},
    "statistics": {"draws": 100},
}
# So that two entries have a parent that is compared itself.
CONFIG["methods"]["deebert"] |= {"continues": "full_bert", "exits": "first", "head": "first"}
NUMBERS = ("trace-*.safetensors", "points.json", "scores.csv", "curve.csv")


def changed(name: str, **settings: float) -> dict:
    """Return the methods with another setting of one of them."""
    own = CONFIG["methods"]
    return {**own, name: {**own[name], **settings}}


def scores(run: Run, *names: str) -> list[str]:
    """Return the files of some entries that need all others of them."""
    return [str(run.run(name) / "scores.csv") for name in names or NAMES]


def trained(said: str) -> set[str]:
    """Return the entries whose training a call began."""
    return set(re.findall(r"output: \S+/runs/rte/(\w+)/seed1/model.safetensors", said))


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> Path:
    """What is kept of a whole run."""
    folder = tmp_path_factory.mktemp("stretches")
    first = Run(folder / "first", CONFIG)
    assert trained(first.call(*scores(first))) == set(NAMES)
    reference.main(["save", str(first.results), str(folder / "kept")])
    return folder / "kept"


@pytest.fixture(scope="module")
def replayed(kept) -> Run:
    """The run again, from what is kept alone."""
    run = Run(kept.parent / "replayed", {**CONFIG, "traces_from": str(kept)})
    said = run.call(*scores(run))
    assert "4 of 4 runs kept, 0 trained" in said and not trained(said)
    return run


@pytest.fixture(scope="module")
def continued(kept) -> Run:
    """The run with another setting of SmartBERT's first stage."""
    config = {**CONFIG, "traces_from": str(kept)}
    return Run(kept.parent / "continued", {**config, "methods": changed("skip_only", clip=0.5)})


def test_the_rates_of_a_run_that_is_all_kept_are_refused_in_one_line(replayed):
    *_, line = replayed.call("-n", "rates", expect=1).splitlines()
    assert line.startswith("error: `rates` compares") and "without `traces_from`" in line


def test_a_changed_entry_and_its_children_are_trained_and_the_others_replayed(replayed, continued):
    said = continued.call()
    why = "rte/smartbert/seed1: clip is 0.5, kept is 1.0 (skip_only)"
    assert f"2 of 4 runs kept, 2 trained; 2 kept, not counted: {why}" in said
    assert trained(said) == {"skip_only", "smartbert"}
    for name in ("full_bert", "deebert"):
        patterns = [f"runs/rte/{name}/seed1/{pattern}" for pattern in NUMBERS]
        assert not differing(continued.hashes(*patterns), replayed.hashes(*patterns))
        assert len(continued.hashes(*patterns)) == 5
    assert "Nothing to be done" in continued.call()


def test_what_a_later_stretch_trained_is_kept_beside_the_rest(continued, kept):
    packed = {path: path.read_bytes() for path in kept.rglob("*.gz")}
    reference.main(["save", str(continued.results), str(kept)])
    anew = {path.parts[-3] for path, content in packed.items() if path.read_bytes() != content}
    assert anew == {"skip_only", "smartbert"}
    config = {**continued.config, "methods": changed("skip_only", clip=0.5)}
    other = Run(kept.parent / "other", config)
    assert "4 of 4 runs kept, 0 trained" in other.call("-n")


def test_a_parent_is_trained_for_its_weights_and_its_kept_traces_stay(kept):
    """DeeBERT is new, and goes on from dense BERT; SmartBERT's line is that of the last test."""
    methods = {
        **changed("deebert", clip=0.5),
        "skip_only": changed("skip_only", clip=0.5)["skip_only"],
    }
    run = Run(kept.parent / "child", {**CONFIG, "traces_from": str(kept), "methods": methods})
    said = run.call(*scores(run, "deebert"), *scores(run, "full_bert"))
    assert "(1 for weights alone: rte/full_bert/seed1)" in said
    assert trained(said) == {"full_bert", "deebert"}
    own, there = (Results(folder).run("rte", "full_bert", 1) for folder in (run.results, kept))
    assert own.provenance.exists() and own.taken.read_bytes() == there.provenance.read_bytes()


def test_data_that_turn_out_to_be_other_ones_are_said_and_then_trained_on(kept):
    record = Results(kept).task("rte")
    fit = re.search(r'"sha256": "(\w+)"', record.read_text())[1]
    for path in kept.rglob("*.json"):
        path.write_text(path.read_text().replace(fit, "0" * 64))
    methods = changed("deebert", clip=0.25)
    config = {**CONFIG, "traces_from": str(kept), "methods": methods}
    run = Run(kept.parent / "anew", config)
    said = run.call(*scores(run, "full_bert"), expect=1)
    assert re.search(r"error: .* on other data than .* call again to train them", said)
    assert "0 of 4 runs kept, 4 trained" in run.call("-n")
