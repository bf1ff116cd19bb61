"""Draw score against cost, exits, layer usage, cost by length and the search, from the tables."""

import argparse
import json
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from smartbert import plots
from smartbert.methods import SUBJECT
from smartbert.points import GLOBAL
from smartbert.tables import concat, one_convention
from workflow.scripts.common import run

POINT = "b50"  # of the layer usage, and of cost by length


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="folder of the run")
    parser.add_argument("--manifest", type=json.loads, required=True, help="JSON: its runs")
    parser.add_argument("--caption", default="", help="what the data are")
    parser.add_argument("--cores", type=int, default=1, help="figures drawn at a time")
    args = parser.parse_args(argv)
    write_figures(args.results, args.manifest, caption=args.caption, cores=args.cores)


def write_figures(
    results: Path, manifest: dict, *, caption: str, out: Path | None = None, cores: int = 1
) -> None:
    """Write every figure of a run, from and into its own folder or another one."""
    base = out or results
    tables = {
        name: pd.read_csv(base / "tables" / f"{name}.csv")
        for name in ("glue", "points", "bands", "exits", "usage", "lengths")
    }
    convention = one_convention(tables["glue"])
    tasks = [name for name in manifest["seeds"] if name in set(tables["points"]["task"])]
    bands, points, usage = (tables[name] for name in ("bands", "points", "usage"))
    jobs = []
    for space in manifest["spaces"]:
        end = "" if space == GLOBAL else f"-{space.replace('_', '-')}"
        look = {"convention": convention, "caption": caption, "space": space}
        jobs += [(f"{name}{end}", plots.task_figure, (bands, points, name), look) for name in tasks]
        jobs.append((f"glue{end}", plots.all_tasks_figure, (bands, points), look))
    at = {"space": GLOBAL, "point": POINT, "caption": caption}
    plain = {"caption": caption}
    jobs.append(("exits", plots.exits_figure, (tables["exits"],), plain))
    jobs.append(("usage", plots.usage_figure, (usage, SUBJECT), at))
    look = {**at, "convention": convention}
    jobs.append(("lengths", plots.lengths_figure, (tables["lengths"],), look))
    for name in tasks:
        jobs.append((f"{name}-usage", plots.usage_by_class_figure, (usage, name, SUBJECT), at))
        trials = first_trials(results, manifest, name)
        jobs.append((f"{name}-trials", plots.trials_figure, (trials, name), plain))
    # Drawing takes longer than all the numbers behind it; each figure is independent.
    with ProcessPoolExecutor(cores, mp_context=get_context("fork")) as pool:
        waiting = [pool.submit(draw, base / "figures" / name, *job) for name, *job in jobs]
        for done in waiting:
            done.result()


def draw(path: Path, figure: Callable[..., Figure], words: tuple, look: dict) -> None:
    """Draw a figure and save it."""
    plots.save(figure(*words, **look), path)


def first_trials(results: Path, manifest: dict, task: str) -> pd.DataFrame:
    """Return the trials of a task's first seed, of all methods that have them."""
    seed = manifest["seeds"][task][0]
    folders = [results / "runs" / task / m / f"seed{seed}" for m in manifest["methods"]]
    return concat(pd.read_csv(f / "trials.csv") for f in folders if (f / "trials.csv").exists())


if __name__ == "__main__":
    run(main)
