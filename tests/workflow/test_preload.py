"""Jobs handed to the server that has loaded packages: they do what they do alone, and end with it
or with their client.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT

from workflow.preload import start

CLIENT = ROOT / "workflow" / "preload" / "client.py"
LIGHT = "from workflow.preload import server; server.load = lambda: None; server.main()"
# Says which process it runs in, then does as it is told.
JOB = """
import os, sys, time
print(os.getcwd(), sys.argv[1:], os.environ["OWN"], flush=True)
print(os.getpid(), file=sys.stderr, flush=True)
what = sys.argv[1]
if what == "wait":
    time.sleep(60)
elif what == "fail":
    raise ValueError("no good")
elif what == "kill":
    os.kill(os.getpid(), 9)
else:
    sys.exit({"none": None, "three": 3, "words": "a reason"}[what])
"""


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A short folder to work in, with the job as a module that Python finds."""
    (tmp_path / "told.py").write_text(JOB)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{tmp_path}")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("OWN", "a job's own")
    return tmp_path


@pytest.fixture
def server(folder) -> Iterator[subprocess.Popen]:
    """A server that loads nothing, on the socket `here`."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("here")
        listening.listen()
        number = listening.fileno()
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", LIGHT, str(number)], stdin=subprocess.PIPE,
            pass_fds=[number], env={**os.environ, "OWN": "the server's"},
        )  # fmt: skip
    yield process
    process.communicate(timeout=30)
    assert process.returncode == 0


def call(what: str) -> subprocess.Popen:
    words = ["-I", "-S", str(CLIENT), "here", "-P", "-m", "told", what]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, *words], **pipes)


def parent(pid: str) -> int:
    """The parent of a process that is there."""
    return int(Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[1])


def gone(pid: str) -> bool:
    """Whether a process ends soon."""
    for _ in range(100):
        try:
            if Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("what", ["none", "three", "words", "fail"])
def test_a_job_says_and_gives_what_it_does_alone(server, folder, what):
    handed = call(what)
    words = ["-P", "-m", "told", what]
    alone = subprocess.run([sys.executable, *words], capture_output=True, text=True)
    output, errors = handed.communicate(timeout=60)
    assert handed.returncode == alone.returncode
    assert output == alone.stdout
    assert errors.splitlines()[1:][-1:] == alone.stderr.splitlines()[1:][-1:]
    assert "a job's own" in output


def test_a_job_runs_in_a_copy_of_the_server(server, folder):
    client = call("wait")
    pid = client.stderr.readline().strip()
    assert parent(pid) == server.pid
    client.kill()
    client.communicate()


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM])
def test_a_job_ends_with_its_client(server, folder, sign):
    client = call("wait")
    pid = client.stderr.readline().strip()
    client.send_signal(sign)
    client.communicate()
    assert gone(pid)


def test_a_client_says_that_its_job_was_killed(server, folder):
    client = call("kill")
    client.communicate(timeout=60)
    assert client.returncode == 137


def test_a_job_goes_on_where_the_server_ends(server, folder):
    client = call("wait")
    pid = client.stderr.readline().strip()
    server.communicate(timeout=30)
    assert parent(pid) != server.pid
    alone = call("three")  # for whom nobody listens any more
    alone.communicate(timeout=60)
    assert alone.returncode == 3
    client.kill()
    client.communicate()
    assert gone(pid)


def test_a_job_that_the_server_has_not_begun_runs_alone(folder):
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("here")
        listening.listen()
        client = call("three")
        time.sleep(1)
        assert client.poll() is None
    _, errors = client.communicate(timeout=60)
    assert client.returncode == 3
    assert int(errors) == client.pid


@pytest.mark.parametrize("threads", ["2", None])
def test_a_job_on_other_threads_runs_alone(server, folder, monkeypatch, threads):
    if threads:
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
    else:
        monkeypatch.delenv("OMP_NUM_THREADS")
    client = call("three")
    _, errors = client.communicate(timeout=60)
    assert client.returncode == 3
    assert int(errors) == client.pid


def test_the_shell_hands_over_what_takes_long_to_load(folder, monkeypatch):
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    (folder / "python").write_text('#!/bin/sh\necho "$@"\n')
    (folder / "python").chmod(0o755)

    def said(command: str) -> str:
        line = start.shell_function("here") + command
        return subprocess.run(["bash", "-c", line], capture_output=True, text=True).stdout

    assert (
        said("python -P -m workflow.scripts.figures --a 'b c'")
        == "-P -m workflow.scripts.figures --a b c\n"
    )
    handed = said("A=1 python -P -m workflow.scripts.train --a")
    assert handed == f"-I -S {CLIENT} here -P -m workflow.scripts.train --a\n"


def test_nothing_is_copied_where_there_are_cards(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert not start.possible()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert start.possible() == (sys.platform == "linux")
