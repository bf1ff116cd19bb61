"""On a card: the measurements of `make card`, taken where a bundle runs and brought back with it.

Their script lies with the others that measure the suite, in tests/speed, and is a command.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from smartbert.files import read_json, write_text
from smartbert.results import PROVENANCE
from workflow.settings.files import ROOT

CARD = "card"  # folder of the tables: in a run's results, in what comes back, in what is kept


def call(*words: str) -> int:
    """Call the script; return its exit status."""
    before = os.environ.get("PYTHONPATH")
    paths = [str(ROOT), str(ROOT / "tests"), *([before] if before else [])]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    return subprocess.run([sys.executable, "-m", "speed.card", *words], env=env).returncode


def measure(results: Path, *, minutes: float) -> None:
    """Measure for some minutes, into a run's results; what failed is said in the tables."""
    out = str(results / CARD)
    status = call("--device", "cuda", "--minutes", f"{minutes:g}", "--out", out)
    if status:
        print(f"not all of the card's measurements were taken (status {status})", flush=True)


def packed(results: Path, folder: Path, *, commit: str | None) -> None:
    """Copy a run's measurements, if it has any, into a folder that is packed.

    Args:
        commit: that they were taken with, where the checkout cannot say.
    """
    if not (results / CARD / PROVENANCE).exists():
        return
    shutil.copytree(results / CARD, folder / CARD)
    made = read_json(folder / CARD / PROVENANCE)
    assert isinstance(made, dict)  # a record for each part
    for record in made.values():
        record["commit"] = record["commit"] or commit
    write_text(folder / CARD / PROVENANCE, json.dumps(made, indent=2) + "\n")


def taken(folder: Path, kept: Path) -> bool:
    """Put measurements that came back in the place of those that are kept, a part's table for a
    part's, and write the page of them; return whether there were any.
    """
    if not (folder / CARD / PROVENANCE).exists():
        return False
    brought = read_json(folder / CARD / PROVENANCE)
    before = read_json(kept / PROVENANCE) if (kept / PROVENANCE).exists() else {}
    assert isinstance(brought, dict) and isinstance(before, dict)
    kept.mkdir(parents=True, exist_ok=True)
    for part in brought:
        shutil.copy(folder / CARD / f"{part}.csv", kept)
    write_text(kept / PROVENANCE, json.dumps({**before, **brought}, indent=2) + "\n")
    call("--page-only", "--out", str(kept))
    return True
