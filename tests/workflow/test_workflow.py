"""The workflow, end to end: the quick run on two tasks with a method from a file outside the
package.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from conftest import ROOT
from flow import snakemake

from smartbert.manifest import Manifest
from smartbert.report.claims_page import STATEMENTS

pytestmark = pytest.mark.slow

TOY = '''
"""A toy method: dense BERT that may leave at any exit of an untrained kind, by confidence."""
from torch.nn import functional as F
from smartbert.methods import Method, Stage, label_fields
from smartbert.modeling import adaptive_config


def objective(model, batch, progress):
    states = model.layers(batch, "off")
    heads = [*model.exits, model.head]
    loss = sum(
        F.cross_entropy(head(h, states.attention_mask).float(), batch["labels"])
        for head, h in zip(heads, states.outputs)
    )
    return {"loss": loss}


class Toy(Method):
    title = "Toy"
    criterion = "confidence"
    sweep = (0.6, 0.9)
    defaults = {"width": 32}

    def configure(self, backbone, settings, *, labels):
        return adaptive_config(
            backbone, exits="attention", head="attention", small_width=settings["width"],
            **label_fields(labels)
        )

    def stages(self, settings, optimisation, *, layers):
        return [Stage("all", optimisation, objective)]
'''


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> dict:
    """The quick run on two tasks, with the toy method, in a folder of its own."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "toy.py").write_text(TOY)
    config = {
        "results": str(folder / "results"),
        "tasks": ["sst2", "rte"],
        "keep_models": True,
        "data": {"synthetic": {"train": 180, "test": 60}},
        "compare": ["full_bert", "smartbert", "skip_only", "deebert", "pabee", "toy"],
        "methods": {"toy": {"source": str(folder / "toy.py"), "epochs": 1, "width": 64}},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    words = ["--configfile", "config/quick.yaml", str(folder / "config.yaml")]
    plan = snakemake("-n", "--cores", "2", *words)
    audit = {"PYTHONPATH": str(ROOT / "tests" / "audit"), "AUDIT": str(folder / "opened")}
    log = snakemake("--cores", "2", *words, env={**os.environ, **audit})
    results = {"folder": folder / "results", "opened": folder / "opened"}
    return {**results, "words": words, "plan": plan, "log": log}


def test_no_training_is_done_twice(run):
    trained = re.findall(r"output: \S+/runs/(\w+)/(\w+)/seed1/model.safetensors", run["plan"])
    assert len(trained) == len(set(trained)) == 14
    # Each reads the weights of its first stage; DeeBERT's is not compared itself.
    for child, parent in (("deebert", "dense_attention"), ("smartbert", "skip_only")):
        (inputs,) = re.findall(
            rf"input: (.*)\n    output: \S+/rte/{child}/seed1/model", run["plan"]
        )
        assert f"/rte/{parent}/seed1/model.safetensors" in inputs


def test_a_script_opens_no_file_that_its_rule_does_not_declare(run):
    declared: dict[str, set[str]] = {}
    for rule, text in re.findall(r"^rule (\w+):\n((?:    .*\n)+)", run["plan"], re.MULTILINE):
        for line in re.findall(r"^    (?:input|output): (.*)$", text, re.MULTILINE):
            declared.setdefault(rule, set()).update(line.split(", "))
    seen = set()
    for line in set(run["opened"].read_text().splitlines()):
        script, path = line.split("\t")
        name = Path(path).name
        if run["folder"] in Path(path).parents and not name.startswith("partial-"):
            seen.add(script)
            if "checkpoints" not in path and "partial-" not in path:  # its own, under way
                assert path in declared[script], f"{script} opens {path}"
    assert {"train", "record", "read", "tune", "evaluate", "compare", "tables", "claims"} <= seen


def test_the_table_has_every_task_and_method(run):
    table = pd.read_csv(run["folder"] / "tables" / "glue.csv")
    scores = "task method point score accuracy f1 mcc"
    costs = "cost_relative cost_total speedup layers seeds convention status"
    assert list(table.columns[:14]) == [*scores.split(), *costs.split()]
    assert set(table["task"]) == {"sst2", "rte"}
    assert set(table["method"]) == {
        "full_bert",
        "smartbert",
        "skip_only",
        "deebert",
        "pabee",
        "toy",
    }
    full = table[table["point"] == "full"]
    dense = full[full["method"] == "full_bert"]
    assert (dense["cost_relative"] == 1).all() and (dense["layers"] == 6).all()
    assert full["score"].between(0, 100).all() and (full["status"] == "ok").all()
    assert (full["cost_relative"] > 0).all() and (full["cost_total"] > 0).all()
    spaces = {method: set(own["space"]) for method, own in full.groupby("method")}
    assert spaces == {
        "full_bert": {"published"},
        "smartbert": {"published", "global", "per_layer", "fixed"},
        "skip_only": {"published", "global"},  # no exits
        "deebert": {"published", "per_layer", "fixed"},  # no gates
        "pabee": {"published", "fixed"},  # patience is one for all layers
        "toy": {"published", "per_layer", "fixed"},
    }
    assert len(full) == 2 * sum(map(len, spaces.values()))
    certified = table[table["point"] == "ltt"]
    assert set(certified["space"]) == {"published"} and len(certified) == 2 * 6
    budget = table[table["point"] == "b50"]
    assert (budget["score"].isna() == budget["status"].str.startswith("no setting")).all()
    assert "Synthetic data" in (run["folder"] / "tables" / "glue.md").read_text()


def test_the_sweeps_thresholds_change_cost_in_their_order(run):
    table = pd.read_csv(run["folder"] / "tables" / "sweep.csv")
    swept = table[(table["method"] == "deebert") & (table["task"] == "rte")]
    swept = swept[swept["exit_threshold"].notna()].sort_values("exit_threshold")
    assert swept["layers"].is_monotonic_decreasing
    assert swept["layers"].iloc[-1] < 6


def test_figures_are_drawn_for_each_task_and_for_all(run):
    names = ["exits", "usage", "lengths", "glue", "glue-per-layer"]
    for task in ("sst2", "rte"):
        names += [task, f"{task}-per-layer", f"{task}-usage", f"{task}-trials"]
    for name in names:
        for kind, magic in (("png", b"\x89PNG"), ("pdf", b"%PDF")):
            content = (run["folder"] / "figures" / f"{name}.{kind}").read_bytes()
            assert content.startswith(magic) and len(content) > 8000
    assert (run["folder"] / "explorer.html").read_text().startswith("<!doctype html>")


def test_the_claims_are_measured_where_there_is_something_to_measure(run):
    claims = pd.read_csv(run["folder"] / "claims.csv")
    overall = claims[claims["what"] == "overall"].set_index("claim")["verdict"]
    released = claims[claims["what"] == "overall, as released"].set_index("claim")["verdict"]
    # All rows are matched, so that nothing is said of the released artefact.
    assert overall[1] != "not measured" and overall[2] != "not measured" == released[2]
    assert overall[5] == overall[6] == "not measured"  # their variants are not in this run
    assert overall[7] != "not measured" == overall[8] == overall[9]  # the controls did not run
    assert (run["folder"] / "claims.md").read_text().count("\n## ") == len(STATEMENTS)


def test_a_failed_run_is_a_row_and_the_others_are_compiled(run, tmp_path):
    """Without its tune trace one method cannot be tuned; the tables say so and have the rest."""
    import shutil

    folder = tmp_path / "results"
    shutil.copytree(run["folder"], folder)
    own = folder / "runs" / "rte" / "pabee" / "seed1"
    for file in ("points.json", "trials.csv", *(f"{n}.csv" for n in ("scores", "lengths"))):
        (own / file).unlink()
    trace = own / "trace-tune.safetensors"
    trace.write_bytes(trace.read_bytes()[:1000])
    change = tmp_path / "results.yaml"
    change.write_text(yaml.safe_dump({"results": str(folder)}))
    words = ["--keep-going", "--rerun-triggers", "mtime", "--cores", "2", *run["words"]]
    text = snakemake(*words, str(change), expect=1)
    assert "error: cannot read trace" in text and "Traceback" not in text
    table = pd.read_csv(folder / "partial" / "tables" / "glue.csv")
    lost = table[table["status"].str.contains("cannot read trace")]
    assert set(zip(lost["task"], lost["method"], strict=True)) == {("rte", "pabee")}
    assert {"smartbert", "deebert"} <= set(table[table["task"] == "rte"]["method"])


def test_a_run_says_what_it_consists_of(run):
    manifest = Manifest.read(run["folder"] / "manifest.json")
    assert {"smartbert", "pabee"} <= set(manifest.methods) and "rte" in manifest.tasks
    assert manifest.trainings["smartbert"] == (("skip_only", "smartbert"),)


def test_a_run_says_where_it_comes_from(run):
    import json

    record = json.loads((run["folder"] / "runs/rte/smartbert/seed1/provenance.json").read_text())
    assert record["settings"]["eta"] == 0.05
    assert record["versions"]["torch"] and record["data"]["fit"]["sha256"]
    assert record["precision"] in ("bf16", "fp32") and record["device"]
    history = pd.read_csv(run["folder"] / "runs/rte/skip_only/seed1/history.csv")
    assert {"part_ce", "part_penalty", "part_contrast", "eval_score"} <= set(history.columns)


def test_training_folders_hold_no_leftovers(run):
    folders = [path.name for path in (run["folder"] / "runs").rglob("*") if path.is_dir()]
    assert "checkpoints" not in folders


def test_a_second_call_has_nothing_to_do(run):
    assert "Nothing to be done" in snakemake("--cores", "2", *run["words"])


def test_one_tasks_setting_re_runs_that_task_alone(run):
    change = run["folder"].parent / "change.yaml"
    change.write_text("task_settings: {rte: {smartbert: {eta: 0.1}}}")
    plan = snakemake("-n", "--cores", "2", *run["words"], str(change))
    trained = re.findall(r"output: \S+/runs/(\w+)/(\w+)/seed1/model.safetensors", plan)
    assert trained == [("rte", "smartbert")]


def test_the_saved_model_classifies_text_with_its_own_thresholds(run):
    from transformers import pipeline

    import smartbert.modeling  # noqa: F401 (registers the model type)

    folder = run["folder"] / "runs/sst2/smartbert/seed1"
    classify = pipeline("text-classification", model=str(folder))
    (answer,) = classify("a warm and funny film")
    assert answer["label"] in ("negative", "positive") and 0 <= answer["score"] <= 1


def test_the_report_is_one_file(run):
    report = run["folder"] / "report.html"
    snakemake(*run["words"], "--report", str(report))
    assert report.stat().st_size > 1_000_000 and b"<html" in report.read_bytes()[:2000]


def test_a_model_is_published_and_a_method_timed_on_demand(run):
    folder = run["folder"]
    model, timed = "models/sst2/smartbert/seed1/README.md", "runs/sst2/deebert/seed1/latency.csv"
    change = folder.parent / "latency.yaml"
    change.write_text("latency: {batch_sizes: [2], examples: 6, repeats: 2}")
    targets = [f"{folder}/{model}", f"{folder}/{timed}"]
    weights = folder / "runs/sst2/smartbert/seed1/model.safetensors"
    trained = weights.stat().st_mtime_ns
    snakemake(*targets, "--cores", "2", *run["words"], str(change))
    assert weights.stat().st_mtime_ns == trained  # else all that comes of them would run again
    assert (folder / model).with_name("model.safetensors").samefile(weights)  # no second copy
    predict = [sys.executable, "-m", "smartbert", "predict", "--model", str(folder / model)[:-10]]
    done = subprocess.run(predict, cwd=ROOT, input="a warm and funny film\n", capture_output=True,
                          text=True, check=True)  # fmt: skip
    assert '"label": "' in done.stdout and "1 classified" in done.stderr
    table = pd.read_csv(folder / timed)
    assert set(table["point"]) > {"dense", "full"} and (table["batch_size"] == 2).all()
    dense = table[table["point"] == "dense"].iloc[0]
    assert dense["time_relative"] == dense["cost_relative"] == 1
    assert table["device"].notna().all() and (table["milliseconds"] > 0).all()
    plan = snakemake("-n", "latency_sst2", "--cores", "2", *run["words"], str(change))
    assert re.search(r"\nlatency +5\n", plan) and re.search(r"\nlatency_tables +1\n", plan)
    assert not re.search(r"\ntrain ", plan)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["tasks=[rtee]"], "error: config: unknown value 'rtee' (did you mean 'rte'?)"),
        (["compare=[full_bert,smart]"], "error: unknown method 'smart'"),
        (["trainin={}"], "error: config: unknown key 'trainin' (did you mean 'training'?)"),
        (['data={"path": "./nowhere"}'], "error: data folder './nowhere' does not exist"),
    ],
)
def test_a_config_mistake_stops_before_any_job_in_one_line(words, message):
    text = snakemake("--cores", "1", "-n", "--config", *words, expect=1)
    lines = [line for line in text.splitlines() if line.strip()]
    assert any(line.startswith(message) for line in lines), text
    assert "Traceback" not in text and len(lines) <= 3, text


@pytest.mark.parametrize("run", ["rte/smart", "rtee/smartbert"])
def test_a_target_with_an_unknown_name_is_no_rules(run):
    target = f"results/full/runs/{run}/seed1/scores.csv"
    text = snakemake("--cores", "1", "-n", target, expect=1)
    assert f"No rule to produce {target}" in text and "Traceback" not in text
