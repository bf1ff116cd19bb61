"""Notebook: what notebooks show of a finished run. Nothing here trains or runs a model; no torch.

A `Run` is a folder that the workflow wrote, or one that was kept of it (`results/reference`):
tables, claims, traces and tuned points, with a manifest that says how methods and tasks are called
and drawn.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd
from IPython.display import Image
from matplotlib.figure import Figure

from smartbert.analysis.claims import AS_RELEASED, OVERALL
from smartbert.analysis.evaluation import Evaluation
from smartbert.analysis.rows import Compared, each
from smartbert.analysis.tables import trained_seeds
from smartbert.errors import UserError, unknown
from smartbert.manifest import REFERENCE, Look, Manifest
from smartbert.metrics import score_title
from smartbert.points import FULL, MAIN, Tuned
from smartbert.report.ablation_page import ablation_page
from smartbert.report.claims_page import figures_frame, verdicts_frame
from smartbert.report.page import some_seeds, with_interval
from smartbert.results import Results
from smartbert.results import Run as RunFiles
from smartbert.tasks import TASKS, TaskData
from smartbert.trace.trace import Trace


@dataclass(frozen=True)
class Run:
    """A run's folder; its tasks become those that this process knows.

    Raises:
        UserError: if it has no tables or no manifest.
    """

    folder: Path

    def __post_init__(self) -> None:
        if not self.results.table("glue").is_file():
            raise UserError(f"{self.folder} is no finished run: it has no tables/glue.csv")
        self.manifest.adopt()

    @property
    def results(self) -> Results:
        """Where its files lie."""
        return Results(self.folder)

    @cached_property
    def manifest(self) -> Manifest:
        """What it consists of."""
        return Manifest.read(self.results.manifest)

    @property
    def looks(self) -> dict[str, Look]:
        """How figures draw its methods."""
        return self.manifest.looks

    def table(self, name: str) -> pd.DataFrame:
        """Return a tidy table by name: glue, points, bands, auc, differences, exits, gates, ...

        Raises:
            UserError: naming those that there are.
        """
        known = self.results.tables()
        if name not in known:
            raise unknown("table", name, known, setting="Run.table")
        return pd.read_csv(self.results.table(name)).pipe(_texts)

    @cached_property
    def glue(self) -> pd.DataFrame:
        """The main table."""
        return self.table("glue")

    @property
    def convention(self) -> str:
        """Name of the cost convention of all its tables."""
        return str(self.glue["convention"].iloc[0])

    @property
    def tasks(self) -> list[str]:
        """Its tasks, in their order."""
        return [name for name in TASKS if name in set(self.glue["task"])]

    @cached_property
    def caption(self) -> str:
        """What its data are, as its pages say."""
        return self.results.table("glue", "md").read_text().split("\n\n")[1]

    def about(self) -> pd.DataFrame:
        """Return a row per task: title, examples of fit, tune and test, what is scored, seeds."""
        dense = self.glue[(self.glue["method"] == REFERENCE) & (self.glue["point"] == FULL)]
        seeds = dense.groupby("task")["seeds"].max()
        rows = []
        for name in self.tasks:
            splits = TaskData.read(self.results.task(name)).splits
            rows.append(
                {
                    "task": TASKS[name].title,
                    **{split: splits[split].rows for split in ("fit", "tune", "test")},
                    "tokens": f"{splits['test'].tokens:.1f}",
                    "score": score_title(TASKS[name]),
                    "seeds": int(seeds[name]),
                }
            )
        return pd.DataFrame(rows)

    def at(self, point: str, *, space: str = MAIN) -> pd.DataFrame:
        """Return methods by tasks at an operating point: score, interval and relative cost, and how
        many seeds have such a setting where not all do.
        """
        rows = self.glue.assign(trained=trained_seeds(self.glue))
        rows = rows[(rows["point"] == point) & (rows["space"] == space)]
        rows = rows[rows["score"].notna() & (rows["subset"].isin(_first_subsets()))]
        cells = [
            f"{with_interval(r.score, r.score_low, r.score_high)} at {r.cost_relative:.0%}"
            + some_seeds(r.seeds, r.trained)
            for r in each(rows, Compared)
        ]
        titles = [TASKS[name].title for name in rows["task"]]
        wide = rows.assign(cell=cells, task=titles).pivot_table(
            index="title", columns="task", values="cell", aggfunc="first", sort=False
        )
        return wide.fillna("").rename_axis(None).rename_axis(None, axis=1)

    @cached_property
    def claims(self) -> pd.DataFrame:
        """The claims: claim, task, what, value, low, high, seeds, p, decides, verdict, note."""
        return pd.read_csv(self.results.claims()).pipe(_texts)

    def verdicts(self) -> pd.DataFrame:
        """Return the claims as a whole: verdict, the figure that decides, what would change it."""
        return verdicts_frame(self.claims).set_index("claim")

    def evidence(self, claim: int) -> pd.DataFrame:
        """Return the figures behind a claim, with intervals, the number of seeds that they rest on
        and their own verdicts.
        """
        whole = self.claims["what"].isin([OVERALL, AS_RELEASED])
        rows = self.claims[(self.claims["claim"] == claim) & ~whole]
        return figures_frame(rows).reset_index(drop=True)

    @property
    def ablated(self) -> list[str]:
        """Tasks with an ablation, in their order."""
        return [name for name in TASKS if self.results.ablation(name).is_file()]

    def ablation(self, task: str) -> pd.DataFrame:
        """Return what each variant changes on a task: the rows of `ablation_table`.

        Raises:
            UserError: if there is no ablation of the task.
        """
        return self._ablation(task, "")

    def sensitivity(self, task: str) -> pd.DataFrame:
        """Return a row per training of the ablation's range of lambda: task, seed, weight, skipped,
        score, dense.

        Raises:
            UserError: if there is no ablation of the task.
        """
        return self._ablation(task, "-lambda")

    def changes(self, task: str) -> pd.DataFrame:
        """Return the ablation's table for reading, of the task's first test set.

        Raises:
            UserError: if there is no ablation of the task.
        """
        table = self.ablation(task)
        return ablation_page(table, subject="", caption="").sections[0].frame

    def _ablation(self, task: str, part: str) -> pd.DataFrame:
        if task not in self.ablated:
            raise unknown("task", task, self.ablated, setting="the call")
        return pd.read_csv(self.results.ablation(task, part=part)).pipe(_texts)

    def trace(self, task: str, method: str, *, seed: int = 1, split: str = "test") -> Trace:
        """Return a kept trace.

        Raises:
            UserError: if it is not there.
        """
        files = self.files(task, method, seed=seed)
        kept = files.trace(split, packed=True)
        return Trace.load(kept if kept.exists() else files.trace(split))

    def tuned(self, task: str, method: str, *, seed: int = 1) -> Tuned:
        """Return what tuning chose for a method."""
        return Tuned.read(self.files(task, method, seed=seed).points)

    def evaluation(self, task: str, method: str, *, seed: int = 1) -> Evaluation:
        """Return a method's test traces with its tuned points."""
        tuned = self.tuned(task, method, seed=seed)
        return Evaluation({m: self.trace(task, m, seed=seed) for m in tuned.members}, tuned)

    def files(self, task: str, method: str, *, seed: int = 1) -> RunFiles:
        """Return the files of one training: traces, thresholds, scores, provenance.

        Raises:
            UserError: if there are none.
        """
        if task not in self.tasks:
            raise unknown("task", task, self.tasks, setting="the call")
        there = self.results.runs(task)
        if method not in (known := dict.fromkeys(name for name, _ in there)):
            raise unknown("method", method, known, setting="the call")
        if (method, seed) not in there:
            seeds = [number for name, number in there if name == method]
            raise unknown("seed", seed, seeds, setting="the call")
        return there[method, seed]


def show(figure: Figure, *, dpi: int = 130) -> Image:
    """Return a figure as a picture to end a notebook's cell with."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return Image(buffer.getvalue())


def _texts(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose test subsets and notes are texts, empty where there is none."""
    found = [name for name in ("subset", "note", "task") if name in table]
    return table.assign(**{name: table[name].fillna("") for name in found})


def _first_subsets() -> set[str]:
    return {spec.test[0][0] for spec in TASKS.values()}
