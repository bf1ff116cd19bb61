"""A study that several workers share, in a real PostgreSQL server with a data folder of its own.

Skipped with a message where the server is not installed (Debian: `apt install postgresql`).
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import optuna
import pandas as pd
import psycopg2
import pytest
from conftest import ROOT
from made_up_run import TUNING, record, task_data, tune_words
from optuna.study import StudyDirection

from smartbert.results import Results
from smartbert.tune.study import open_storage

USER = "postgres"
TRIALS = 200
POPULATION = 50  # NSGA-II's: as many are drawn at random before it breeds


def binaries() -> Path:
    """Folder of PostgreSQL's programs."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not folders:
        pytest.skip("PostgreSQL is not installed (Debian: apt install postgresql)")
    return folders[-1]


@pytest.fixture(scope="module")
def server():
    """URL of a PostgreSQL that listens on this machine alone, gone after the tests."""
    programs = binaries()
    data = tempfile.mkdtemp(prefix="postgresql-")  # its owner must be able to reach it
    words = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        shutil.chown(data, USER)
        words = ["runuser", "-u", USER, "--"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def call(program: str, *options: str) -> None:
        command = [*words, str(programs / program), "-D", data, *options]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")

    call("initdb", "--auth=trust", f"--username={USER}", "--no-sync")
    options = f"-p {port} -k '' -h 127.0.0.1 -F"
    call("pg_ctl", "start", "--wait", "-o", options, "-l", f"{data}/log")
    try:
        yield f"postgresql://{USER}@127.0.0.1:{port}/postgres"
    finally:
        call("pg_ctl", "stop", "--mode=immediate")
        shutil.rmtree(data)


@pytest.fixture
def traced(tmp_path) -> Path:
    """A run's folder with made-up traces of two methods on RTE."""
    task_data("rte").write(Results(tmp_path).task("rte"))
    for method in ("full_bert", "smartbert"):
        record(tmp_path, "rte", method, 1)
    return tmp_path


def worker(folder: Path, storage: str, name: str, trials: int = TRIALS) -> subprocess.Popen:
    """Start the command that tunes SmartBERT, with files of its own and a study of this folder."""
    words = tune_words(folder, "rte", "smartbert", 1)
    words[words.index("--run") + 1] = folder.name
    words[words.index("--settings") + 1] = json.dumps(
        {**TUNING, "trials": trials, "storage": storage, "spaces": ["published"]}
    )
    words[words.index("--points") + 1] = str(folder / f"{name}.json")
    words[words.index("--trials") + 1] = str(folder / f"{name}.csv")
    command = [sys.executable, "-m", "workflow.scripts.tune", *words]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen) -> None:
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors


@pytest.fixture
def studies(server):
    """The server's studies, through connections that are closed after the test."""
    storage = optuna.storages.RDBStorage(server)
    yield storage
    storage.engine.dispose()


def studied(folder: Path, studies: optuna.storages.RDBStorage) -> list[optuna.trial.FrozenTrial]:
    """Trials of a folder's study so far, by number."""
    for study in studies.get_all_studies():
        if study.study_name.startswith(f"{folder.name}/"):
            return studies.get_all_trials(study._study_id, deepcopy=False)
    return []


def complete(trials: list[optuna.trial.FrozenTrial]) -> list[tuple]:
    """Number and outcome of the trials that are done."""
    return [(t.number, t.values) for t in trials if t.state == optuna.trial.TrialState.COMPLETE]


@pytest.mark.parametrize("attempt", range(3))
def test_many_workers_may_open_an_empty_database_at_once(server, attempt):
    own = f"{server.rsplit('/', 1)[0]}/opened_{attempt}"
    with closing(psycopg2.connect(server)) as connection:
        connection.autocommit = True
        connection.cursor().execute(f"CREATE DATABASE opened_{attempt}")
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(open_storage, [own] * 8))
    studies = [s.create_new_study([StudyDirection.MAXIMIZE], str(n)) for n, s in enumerate(opened)]
    assert len(set(studies)) == 8


def test_two_workers_share_one_study_and_lose_no_trial(server, studies, traced):
    workers = [worker(traced, server, name) for name in ("first", "second")]
    for process in workers:
        ended(process)
    kept = studied(traced, studies)
    # What a worker still had under way when the last trial came in is kept too.
    assert TRIALS <= len(complete(kept)) <= TRIALS + len(workers)
    assert [t.number for t in kept] == list(range(len(kept)))
    random = [t for t in kept[:POPULATION] if "fixed_params" not in t.system_attrs]
    assert len({tuple(t.params.values()) for t in random}) == len(random)  # none drawn twice
    first, second = (pd.read_csv(traced / f"{n}.csv") for n in ("first", "second"))
    assert len(first) == len(second) == TRIALS
    both = first.merge(second, on=["number", "thresholds", "skip_threshold", "score"])
    assert len(both) >= TRIALS - len(workers)


def test_a_worker_killed_midway_loses_nothing_that_is_in_the_study(server, studies, traced):
    process = worker(traced, server, "killed", trials=10_000)
    while len(complete(studied(traced, studies))) < 30:
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.1)
    process.kill()
    process.communicate()
    before = complete(studied(traced, studies))
    ended(worker(traced, server, "again", trials=len(before) + 20))
    after = complete(studied(traced, studies))
    assert len(after) == len(before) + 20
    assert after[: len(before)] == before
