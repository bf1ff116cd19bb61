"""Jobs side by side on a machine with several GPUs; the cards are only named here."""

import os
import subprocess
import sys

import pytest
from conftest import ROOT, loads

from smartbert.train import devices

JOB = """
import sys
from smartbert.train.devices import take_one
print(take_one(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def job(tmp_path):
    """Function: start a job that takes a GPU and keeps it until it is ended."""
    started = []

    def start(gpus: str) -> tuple[subprocess.Popen, str]:
        env = {**os.environ, "CUDA_VISIBLE_DEVICES": gpus, "TMPDIR": str(tmp_path)}
        process = subprocess.Popen([sys.executable, "-c", JOB], cwd=ROOT, env=env, text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
        started.append(process)
        return process, process.stdout.readline().strip()

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_jobs_spread_over_the_gpus_and_free_them_however_they_end(job):
    first = [job("0,1") for _ in range(4)]
    assert [gpu for _, gpu in first] == ["0", "1", "0", "1"]
    first[1][0].kill()
    first[1][0].wait()
    assert job("0,1")[1] == "1"


@pytest.mark.parametrize("gpus", ["3", "", "GPU-8f2"])
def test_where_there_is_no_choice_nothing_changes(job, gpus):
    assert job(gpus)[1] == "None"


def test_the_driver_counts_the_cards(tmp_path, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(devices, "DRIVER", tmp_path / "gpus")
    assert devices.visible() == []
    for name in ("0000:01:00.0", "0000:02:00.0"):
        (tmp_path / "gpus" / name).mkdir(parents=True)
    assert devices.visible() == ["0", "1"]


def test_it_does_not_load_torch():
    assert not loads("smartbert.train.devices", "torch")
