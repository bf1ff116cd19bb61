"""Kill a run of the workflow at random moments and compare its end with an undisturbed run's.

    PYTHONPATH=. python tests/interrupt.py --kills 10 [--seed 0] [--folder /tmp/interrupted]

Two stages of SmartBERT on a synthetic task, from data to points. Each time either the whole
workflow or the job under way alone gets SIGKILL; the next call is what Snakemake's own message
asks for (`--unlock`, `--rerun-incomplete`). At the end weights, traces, thresholds and scores must
be the same bytes as those of the undisturbed run, and no part of a file may be left.
"""

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
RUN = {
    "tasks": ["rte"],
    "keep_models": True,
    "data": {"synthetic": {"train": 200, "test": 60}, "tune": {"min": 40}},
    "compare": ["full_bert", "smartbert", "skip_only"],
}
TARGETS = ("points.json", "scores.csv", "curve.csv")
SAME = ("model.safetensors", "trace-tune.safetensors", "trace-test.safetensors", *TARGETS)
JOB = "workflow.scripts."
FIRST = 3.0  # seconds before which nothing has begun


@dataclass
class Workflow:
    """Calls of the workflow on one results folder."""

    folder: Path

    def __post_init__(self):
        self.folder.mkdir(parents=True)
        self.config = self.folder / "config.yaml"
        self.config.write_text(yaml.safe_dump({**RUN, "results": str(self.results)}))

    @property
    def results(self) -> Path:
        """Where it writes."""
        return self.folder / "results"

    def start(self, *words: str) -> subprocess.Popen:
        """Start Snakemake as the leader of a group of its own."""
        own = self.results / "runs" / "rte" / "smartbert" / "seed1"
        targets = [] if words else [str(own / name) for name in TARGETS]
        options = ["--cores", "2", "--configfile", "config/quick.yaml", str(self.config)]
        env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        env.pop("OMP_NUM_THREADS", None)
        log = (self.folder / "log").open("ab")
        command = [sys.executable, "-m", "snakemake", *targets, *(words or ("--rerun-incomplete",))]
        return subprocess.Popen(
            [*command, *options], cwd=ROOT, stdout=log, stderr=log, start_new_session=True,
            env={**env, "OMP_WAIT_POLICY": "passive"},
        )  # fmt: skip

    def finish(self, *words: str) -> None:
        """Run to the end."""
        status = self.start(*words).wait(timeout=1200)
        if status:
            raise SystemExit(f"snakemake ended with {status}:\n{self.tail()}")

    def tail(self) -> str:
        """Return the end of all that its calls said."""
        return (self.folder / "log").read_text()[-3000:]

    def hashes(self) -> dict[str, str]:
        """Return the SHA-256 of every file that must come out the same."""
        files = sorted(p for p in self.results.rglob("runs/**/*") if p.name in SAME)
        return {
            str(p.relative_to(self.results)): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in files
        }

    def leftovers(self) -> list[str]:
        """Return what is neither a result nor a log: parts of files, checkpoints."""
        return [
            str(p) for p in self.results.rglob("*") if "partial" in p.name or "checkpoint" in p.name
        ]


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
    flow.finish("--unlock")
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
    found = flow.hashes()
    if len(wanted) < len(SAME) or found != wanted:
        differ = sorted(k for k in wanted.keys() | found.keys() if wanted.get(k) != found.get(k))
        raise SystemExit(f"{len(differ)} of {len(wanted)} files differ: {', '.join(differ)}")
    if left := flow.leftovers():
        raise SystemExit(f"left over: {', '.join(left)}")


if __name__ == "__main__":
    main()
