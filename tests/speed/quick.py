"""Processor seconds of the quick run by what they went to: `make quick` in a folder of its own.

    PYTHONPATH=.:tests python tests/speed/quick.py                      all eight tasks
    PYTHONPATH=.:tests python tests/speed/quick.py --tasks rte --alone  without `resources.preload`

On two idle cores it takes a little more than half of the sum. Other load makes the seconds more,
too: the caches are shared.
"""

import argparse
import json
import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path

import pandas as pd
from conftest import ROOT
from flow import command, environment


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", nargs="+", help="some of the eight")
    parser.add_argument("--alone", action="store_true", help="every job loads its own packages")
    parser.add_argument("--cores", default="2")
    parser.add_argument("--folder", type=Path, help="to write to (default: a temporary one)")
    args = parser.parse_args()
    folder = args.folder or Path(tempfile.mkdtemp(prefix="quick-"))
    folder.mkdir(parents=True, exist_ok=True)
    changes = {"results": str(folder / "quick"), "resources": {"preload": not args.alone}}
    changes |= {"tasks": args.tasks} if args.tasks else {}
    own = folder / "own.json"
    own.write_text(json.dumps(changes))
    times = Path(__file__).with_name("times")
    env = environment({**os.environ, "PYTHONPATH": str(times), "TIMES": str(folder / "times")})
    config = ("--configfile", "config/quick.yaml", str(own))
    report = ("--quiet", "all", "--report", str(folder / "quick" / "report.html"))
    began = time.monotonic()
    for words in (("--cores", args.cores, "--quiet", "rules"), report):
        subprocess.run(command(*words, *config), cwd=ROOT, env=env, check=True)
    wall, used = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    jobs = pd.read_csv(folder / "times", sep="\t", names=["what", "seconds"])
    table = jobs.groupby("what", sort=False)["seconds"].agg(["size", "sum"])
    total = used.ru_utime + used.ru_stime
    table.loc["shells"] = [0, total - jobs["seconds"].sum()]
    print(table.round(1).to_markdown())
    print(f"\n{total:.0f} processor seconds, {wall:.0f} s on the clock")


if __name__ == "__main__":
    main()
