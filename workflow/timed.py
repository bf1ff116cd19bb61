"""Timed: a command that ends when its time is over, and loses as little as it can by that."""

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from smartbert.results import Results

LOOKS = 0.5  # seconds between looks at the clock
SPARE = 1.2  # times the longest training and recording so far, before the end
START = 20.0  # seconds between two calls of the workflow, of a large config


def until(words: list[str], *, end: float, last: Callable[[], float]) -> int:
    """Run a command until the clock says `end`; return its exit status, below 0 if it was killed.

    Args:
        words: of the command. SIGTERM tells it to begin nothing new and to end when what it has
            begun has ended, as Snakemake does.
        end: of `time.monotonic`; what still runs then is killed, with all that it began.
        last: says how many seconds before the end SIGTERM is sent.
    """
    here = Path(sys.executable).parent  # whose `python` the rules call
    env = {**os.environ, "PATH": f"{here}{os.pathsep}{os.environ['PATH']}"}
    process = subprocess.Popen(words, env=env, start_new_session=True)
    told = False
    while process.poll() is None and time.monotonic() < end:
        if not told and time.monotonic() >= end - last():
            print("the end is near: nothing new is begun", flush=True)
            process.terminate()
            told = True
        time.sleep(LOOKS)
    if process.poll() is None:
        print("the time is over: what still runs is lost", flush=True)
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


def last_stretch(results: Results) -> float | None:
    """Return the seconds that the longest training so far would take, and a recording in a call of
    its own, with some to spare; None where none has ended.
    """
    longest = [
        max((_seconds(path) for path in (results.benchmarks / rule).glob("*.tsv")), default=None)
        for rule in ("train", "record")
    ]
    return None if longest[0] is None else SPARE * (longest[0] + (longest[1] or 0.0)) + START


def _seconds(path: Path) -> float:
    """Return the seconds that a job took, as the workflow measured them."""
    with path.open(newline="") as file:
        return float(next(csv.DictReader(file, delimiter="\t"))["s"])
