"""Partial: tables, figures and claims of the runs that did finish, when others failed."""

from __future__ import annotations

import shutil

import pandas as pd

from smartbert.errors import UserError
from smartbert.manifest import Manifest
from smartbert.report.writing import (
    Sources,
    write_claims,
    write_figures,
    write_statistics,
    write_tables,
)
from smartbert.results import ABLATION_PARTS, RUN_TABLES, STATISTICS, TRACES, Results

Key = tuple[str, str, int]  # task, method, seed


def write_partial(
    results: Results, manifest: Manifest, *, caption: str, draws: int, seed: int
) -> None:
    """Write what can be said of a run of which some jobs failed, to `results.partial`.

    Args:
        draws, seed: of the bootstrap.

    Raises:
        UserError: if no run has finished.
    """
    out = results.partial
    shutil.rmtree(out.folder, ignore_errors=True)
    there = [key for key in manifest.runs if results.finished(manifest, *key)]
    tasks = [task for task in manifest.tasks if any(key[0] == task for key in there)]
    if not there:
        raise UserError(f"no run in {results.folder} has finished, there is nothing to compile")
    for task in tasks:
        own = [key for key in there if key[0] == task]
        traces = [
            results.run(task, member, number).trace(split)
            for split in TRACES
            for _, method, number in own
            for member in manifest.methods[method].members
        ]
        points, trials = (
            [getattr(results.run(*key), name) for key in own] for name in ("points", "trials")
        )
        folder = out.statistics(task, STATISTICS[0]).parent
        write_statistics(
            manifest.tasks[task], points, trials, traces, draws=draws, seed=seed, out=folder
        )
    sources = Sources(
        runs=[results.run(*key).table(name) for name in (*RUN_TABLES, "trials") for key in there],
        statistics=[out.statistics(task, name) for task in tasks for name in STATISTICS],
        ablations=[
            results.ablation_part(task, name)
            for task in manifest.ablated
            if ablation_is_new(results, task)
            for name in ABLATION_PARTS
        ],
    )
    lost = missing(results, manifest, [key for key in manifest.runs if key not in there])
    write_tables(sources, manifest, caption=caption, out=out, lost=lost)
    write_figures(sources, manifest, caption=caption, out=out)
    write_claims(sources, manifest, caption=caption, out=out)


def missing(results: Results, manifest: Manifest, runs: list[Key]) -> pd.DataFrame:
    """Return a row for every run that did not finish: task, method, title, seeds, status."""
    rows = []
    for task, method, seed in runs:
        shown = manifest.methods[method]
        names = dict.fromkeys([method, *shown.members])
        told = (results.failure(task, name, seed) for name in names)
        status = f"seed {seed}: {next(filter(None, told), None) or 'did not run'}"
        title = shown.title or method
        rows.append({"task": task, "method": method, "title": title, "seeds": 0, "status": status})
    return pd.DataFrame(rows)


def ablation_is_new(results: Results, task: str) -> bool:
    """Return whether a task's ablation is there, and nothing that it could come from is newer."""
    made = results.ablation_part(task, ABLATION_PARTS[-1])
    points = [run.points for run in results.runs(task).values()]
    return made.exists() and all(
        path.stat().st_mtime_ns <= made.stat().st_mtime_ns for path in points if path.exists()
    )
