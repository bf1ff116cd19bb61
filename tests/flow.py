"""Calls of the workflow, for tests and for scripts that disturb it."""

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from conftest import ROOT

LIMIT = 1500  # seconds that a call may take
# Two stages of SmartBERT and dense BERT on one synthetic task.
SMALL = {
    "tasks": ["rte"],
    "keep_models": True,
    "data": {"synthetic": {"train": 200, "test": 60}, "tune": {"min": 40}},
    "compare": ["full_bert", "smartbert", "skip_only"],
}


def environment(base: dict[str, str] = os.environ) -> dict[str, str]:
    """Return the environment of `make quick`: this Python first, idle threads asleep."""
    own = {"PATH": f"{Path(sys.executable).parent}:{base['PATH']}", "OMP_WAIT_POLICY": "passive"}
    return {**{k: v for k, v in base.items() if k != "OMP_NUM_THREADS"}, **own}


def command(*words: str) -> list[str]:
    """Return a call of this Python's Snakemake."""
    return [sys.executable, "-m", "snakemake", *words]


def snakemake(*words: str, expect: int = 0, env: dict[str, str] = os.environ) -> str:
    """Run Snakemake in the project; return all that it printed."""
    # Tests run side by side in one folder, each on results of its own: a lock would guard nothing,
    # and one that ends removes the folder of locks while another is about to write there.
    done = subprocess.run(
        command(*words, "--nolock"), cwd=ROOT, env=environment(env),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LIMIT,
    )  # fmt: skip
    assert done.returncode == expect, done.stdout[-5000:]
    return done.stdout


@dataclass
class Run:
    """A small run of the workflow in a folder of its own.

    Attributes:
        config: what differs from config/quick.yaml.
        kept: names of the files whose bytes count.
    """

    folder: Path
    config: dict = field(default_factory=lambda: SMALL)
    kept: tuple[str, ...] = (
        "model.safetensors", "trace-tune.safetensors", "trace-test.safetensors",
        "points.json", "scores.csv", "curve.csv",
    )  # fmt: skip

    def __post_init__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.set()

    @property
    def results(self) -> Path:
        """Where it writes."""
        return self.folder / "results"

    def run(self, method: str) -> Path:
        """Return the folder of a method's run."""
        return self.results / "runs" / "rte" / method / "seed1"

    def set(self, **changes: object) -> None:
        """Write its config, with changes to single sections."""
        config = {"results": str(self.results), **self.config, **changes}
        (self.folder / "config.yaml").write_text(yaml.safe_dump(config))

    def words(self, *words: str, cores: int = 2) -> list[str]:
        """Return the words of a call; without any: everything, going on where it was."""
        options = ["--cores", str(cores), "--configfile", "config/quick.yaml"]
        return [*(words or ("--rerun-incomplete",)), *options, str(self.folder / "config.yaml")]

    def call(self, *words: str, expect: int = 0, cores: int = 2) -> str:
        """Run to the end; return all that it printed."""
        return snakemake(*self.words(*words, cores=cores), expect=expect)

    def hashes(self, *patterns: str) -> dict[str, str]:
        """Return the SHA-256 of every file of the results that matches, of the kept ones without
        patterns.
        """
        found = [p for pattern in patterns or self.kept for p in self.results.rglob(pattern)]
        return {
            str(p.relative_to(self.results)): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted(found)
        }

    def leftovers(self) -> list[str]:
        """Return what is neither a result nor a log: parts of files, checkpoints."""
        return [
            str(p) for p in self.results.rglob("*") if "partial" in p.name or "checkpoint" in p.name
        ]


def differing(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """Return the names under which two runs have different files, or only one has any."""
    return sorted(k for k in one.keys() | other.keys() if one.get(k) != other.get(k))
