"""Kill a run of the workflow at random moments and compare its end with an undisturbed run's.

    PYTHONPATH=. python tests/interrupt.py --kills 10 [--seed 0] [--folder /tmp/interrupted]

Two stages of SmartBERT on a synthetic task, from data to points. Each time either the whole
workflow or the job under way alone gets SIGKILL; the next call is what Snakemake's own message
asks for (`--unlock`, `--rerun-incomplete`). At the end weights, traces, thresholds and scores must
be the same bytes as those of the undisturbed run, and no part of a file may be left.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from conftest import ROOT
from flow import LIMIT, Run, command, differing, environment

JOB = "workflow.scripts."
FIRST = 3.0  # seconds before which nothing has begun


@dataclass
class Workflow(Run):
    """A run that can be killed: from data to thresholds and scores."""

    def start(self) -> subprocess.Popen:
        """Start Snakemake as the leader of a group of its own."""
        targets = [str(self.run("smartbert") / name) for name in self.kept]
        log = (self.folder / "log").open("ab")
        return subprocess.Popen(
            command(*self.words(*targets, "--rerun-incomplete")), cwd=ROOT, env=environment(),
            stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip

    def finish(self) -> None:
        """Run to the end."""
        status = self.start().wait(timeout=LIMIT)
        if status:
            said = (self.folder / "log").read_text()
            raise SystemExit(f"snakemake ended with {status}:\n{said[-3000:]}")


def children(group: int) -> list[int]:
    """Return the processes of a group that are jobs of the workflow."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if os.getpgid(int(entry.name)) == group and f"-m {JOB}" in words:
                    found.append(int(entry.name))
            except (OSError, ValueError):
                continue  # it has just ended
    return found


def interrupt(flow: Workflow, chance: random.Random, within: float) -> str | None:
    """Start the workflow, kill it or its job after a random time; return what was killed, None if
    it had ended before.
    """
    process = flow.start()
    wait = chance.uniform(FIRST, within)
    try:
        process.wait(timeout=wait)
        return None
    except subprocess.TimeoutExpired:
        pass
    jobs = children(process.pid)
    if jobs and chance.random() < 0.5:
        for pid in jobs:
            os.kill(pid, signal.SIGKILL)
        process.wait(timeout=300)  # Snakemake notices, cleans up and ends by itself
        return f"the job after {wait:.1f} s"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    flow.call("--unlock")
    return f"the workflow after {wait:.1f} s" + (" in a job" if jobs else "")


def main(argv: list[str] | None = None) -> None:
    """Run from the command line; ends with a message if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0, help="of the random moments")
    parser.add_argument("--folder", type=Path, help="to work in (default: a temporary one)")
    args = parser.parse_args(argv)
    folder = args.folder or Path(tempfile.mkdtemp(prefix="interrupt-"))
    chance = random.Random(args.seed)

    whole = Workflow(folder / "whole")
    began = time.monotonic()
    whole.finish()
    seconds = time.monotonic() - began
    print(f"undisturbed: {seconds:.0f} s", flush=True)

    wanted, kills, runs = whole.hashes(), 0, 0
    while kills < args.kills:
        runs += 1
        killed = Workflow(folder / f"killed{runs}")
        while kills < args.kills and (what := interrupt(killed, chance, 0.8 * seconds)):
            kills += 1
            print(f"run {runs}, kill {kills}: {what}", flush=True)
        killed.finish()
        check(killed, wanted)
        shutil.rmtree(killed.folder)
    print(f"{len(wanted)} files the same after {kills} kills in {runs} runs")


def check(flow: Workflow, wanted: dict[str, str]) -> None:
    """End with a message where a run's files are not those of the undisturbed one."""
    differ = differing(flow.hashes(), wanted)
    if len(wanted) < len(flow.kept) or differ:
        raise SystemExit(f"{len(differ)} of {len(wanted)} files differ: {', '.join(differ)}")
    if left := flow.leftovers():
        raise SystemExit(f"left over: {', '.join(left)}")


if __name__ == "__main__":
    main()
