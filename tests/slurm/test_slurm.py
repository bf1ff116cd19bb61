"""The quick run of two tasks through a real Slurm of one node, as docs/running.md says.

Skipped with a message where Slurm is not installed.
"""

import re

import pandas as pd
import pytest
import yaml
from conftest import ROOT
from flow import snakemake
from slurm.cluster import cluster, missing

pytestmark = pytest.mark.slow

CONFIG = {
    "tasks": ["rte", "sst2"],
    "data": {"synthetic": {"train": 140, "test": 40}},
    "compare": ["full_bert", "smartbert", "skip_only"],
    "tuning": {"trials": 60},
    "statistics": {"draws": 100},
}
# This Slurm keeps no accounts, so its own queue is asked how a job fares.
HERE = ["--slurm-status-command", "squeue", "--slurm-no-account", "--latency-wait", "5",
        "--slurm-init-seconds-before-status-checks", "3"]  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> dict:
    """Folder and log of the run, and what each of its trainings asked Slurm for."""
    if reason := missing():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("slurm")
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump({**CONFIG, "results": str(folder / "results")}))
    words = ["--workflow-profile", "workflow/profiles/slurm", *HERE]
    words += ["--slurm-logdir", str(folder / "logs"), "--slurm-keep-successful-logs", "--verbose"]
    words += ["--configfile", "config/quick.yaml", str(config)]
    with cluster() as env:
        text = snakemake(*words, env=env)
    return {"folder": folder / "results", "log": text}


def test_the_tables_are_whole(run):
    table = pd.read_csv(run["folder"] / "tables" / "glue.csv")
    full = table[table["point"] == "full"]
    assert set(table["task"]) == {"rte", "sst2"} and (full["status"] == "ok").all()
    assert set(table["method"]) == {"full_bert", "smartbert", "skip_only"}
    assert (run["folder"] / "figures" / "glue.png").stat().st_size > 10_000


def test_each_training_asks_for_one_gpu_and_its_memory(run):
    calls = re.findall(r"sbatch .*", run["log"])
    trainings = [call for call in calls if "rule_train" in call]
    assert len(trainings) == 6
    for call in trainings:
        assert re.search(r"--gpus[= ]1\b", call) and re.search(r"--mem[= ]16000", call)
        assert re.search(r"(-t|--time)[= ]1440", call)


def test_short_jobs_share_a_submission(run):
    finished = len(re.findall(r"Finished jobid", run["log"]))
    submitted = len(re.findall(r"with SLURM jobid", run["log"]))
    assert 0 < submitted < finished


def test_nothing_is_left_in_the_repository():
    assert not (ROOT / "slurm_logs").exists() and not list(ROOT.glob("slurm-*.out"))
