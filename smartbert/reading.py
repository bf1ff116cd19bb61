"""Reading a finished run: what notebooks show of it. Nothing here trains or runs a model; no torch.

A `Run` is a folder that the workflow wrote, or one that was kept of it (`results/reference`):
tables, claims, traces and tuned points.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd
from IPython.display import Image

from smartbert.ablation import ablation_page
from smartbert.claims import STATEMENTS, figures_frame
from smartbert.errors import UserError, unknown
from smartbert.evaluation import Evaluation
from smartbert.files import read_json
from smartbert.methods import REFERENCE
from smartbert.pages import some_seeds, trained_seeds
from smartbert.panels import plt, score_label
from smartbert.points import FULL, GLOBAL
from smartbert.tasks import TASKS
from smartbert.trace import PACKED, Trace


@dataclass(frozen=True)
class Run:
    """A run's folder.

    Raises:
        UserError: if it has no tables.
    """

    folder: Path

    def __post_init__(self):
        if not (self.folder / "tables" / "glue.csv").is_file():
            raise UserError(f"{self.folder} is no finished run: it has no tables/glue.csv")

    def table(self, name: str) -> pd.DataFrame:
        """Return a tidy table by name: glue, points, bands, auc, differences, exits, gates, ...

        Raises:
            UserError: naming those that there are.
        """
        path = self.folder / "tables" / f"{name}.csv"
        if not path.exists():
            known = [p.stem for p in path.parent.glob("*.csv")]
            raise unknown("table", name, known, setting="Run.table")
        return pd.read_csv(path).pipe(_texts)

    @cached_property
    def glue(self) -> pd.DataFrame:
        """The main table."""
        return self.table("glue")

    @property
    def convention(self) -> str:
        """Name of the cost convention of all its tables."""
        return self.glue["convention"].iloc[0]

    @property
    def tasks(self) -> list[str]:
        """Its tasks, in their order."""
        return [name for name in TASKS if name in set(self.glue["task"])]

    @cached_property
    def caption(self) -> str:
        """What its data are, as its pages say."""
        return (self.folder / "tables" / "glue.md").read_text().split("\n\n")[1]

    def about(self) -> pd.DataFrame:
        """Return a row per task: title, examples of fit, tune and test, what is scored, seeds."""
        dense = self.glue[(self.glue["method"] == REFERENCE) & (self.glue["point"] == FULL)]
        seeds = dense.groupby("task")["seeds"].max()
        rows = []
        for name in self.tasks:
            splits = read_json(self.folder / "data" / name / "task.json")["splits"]
            rows.append(
                {
                    "task": TASKS[name].title,
                    **{split: splits[split]["rows"] for split in ("fit", "tune", "test")},
                    "tokens": f"{splits['test']['tokens']:.1f}",
                    "score": score_label(name),
                    "seeds": int(seeds[name]),
                }
            )
        return pd.DataFrame(rows)

    def at(self, point: str, *, space: str = GLOBAL) -> pd.DataFrame:
        """Return methods by tasks at an operating point: score, interval and relative cost, and how
        many seeds have such a setting where not all do.
        """
        rows = self.glue.assign(trained=trained_seeds(self.glue))
        rows = rows[(rows["point"] == point) & (rows["space"] == space)]
        rows = rows[rows["score"].notna() & (rows["subset"].isin(_first_subsets()))]
        cells = [
            f"{r.score:.1f} [{r.score_low:.1f}, {r.score_high:.1f}] at {r.cost_relative:.0%}"
            + some_seeds(r.seeds, r.trained)
            for r in rows.itertuples()
        ]
        titles = [TASKS[name].title for name in rows["task"]]
        wide = rows.assign(cell=cells, task=titles).pivot_table(
            index="title", columns="task", values="cell", aggfunc="first", sort=False
        )
        return wide.fillna("").rename_axis(None).rename_axis(None, axis=1)

    @cached_property
    def claims(self) -> pd.DataFrame:
        """The claims: claim, task, what, value, low, high, seeds, verdict, note."""
        return pd.read_csv(self.folder / "claims.csv").pipe(_texts)

    def verdicts(self) -> pd.DataFrame:
        """Return the claims as a whole: statement and verdict."""
        overall = self.claims[self.claims["what"] == "overall"].set_index("claim")["verdict"]
        return pd.DataFrame({"claim": pd.Series(STATEMENTS), "verdict": overall})

    def evidence(self, claim: int) -> pd.DataFrame:
        """Return the figures behind a claim, with intervals, the number of seeds that they rest on
        and their own verdicts.
        """
        rows = self.claims[(self.claims["claim"] == claim) & (self.claims["what"] != "overall")]
        return figures_frame(rows).reset_index(drop=True)

    @property
    def ablated(self) -> list[str]:
        """Tasks with an ablation, in their order."""
        return [name for name in TASKS if (self.folder / "ablations" / f"{name}.csv").is_file()]

    def ablation(self, task: str) -> pd.DataFrame:
        """Return what each variant changes on a task: the rows of `ablation.ablation_table`.

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
        return pd.read_csv(self.folder / "ablations" / f"{task}{part}.csv").pipe(_texts)

    def trace(self, task: str, method: str, *, seed: int = 1, split: str = "test") -> Trace:
        """Return a kept trace.

        Raises:
            UserError: if it is not there.
        """
        path = self.run_folder(task, method, seed=seed) / f"trace-{split}.safetensors"
        kept = path.with_name(path.name + PACKED)
        return Trace.load(kept if kept.exists() else path)

    def tuned(self, task: str, method: str, *, seed: int = 1) -> dict:
        """Return the contents of a run's points.json."""
        return read_json(self.run_folder(task, method, seed=seed) / "points.json")

    def evaluation(self, task: str, method: str, *, seed: int = 1) -> Evaluation:
        """Return a method's test traces with its tuned points."""
        tuned = self.tuned(task, method, seed=seed)
        return Evaluation({m: self.trace(task, m, seed=seed) for m in tuned["members"]}, tuned)

    def run_folder(self, task: str, method: str, *, seed: int = 1) -> Path:
        """Return the folder of one training: traces, thresholds, scores, provenance.

        Raises:
            UserError: if it is not there.
        """
        if task not in self.tasks:
            raise unknown("task", task, self.tasks, setting="the call")
        folder = self.folder / "runs" / task
        if not (folder / method).is_dir():
            raise unknown("method", method, [p.name for p in folder.iterdir()], setting="the call")
        path = folder / method / f"seed{seed}"
        if not path.is_dir():
            known = sorted(p.name.removeprefix("seed") for p in path.parent.iterdir())
            raise unknown("seed", seed, known, setting="the call")
        return path


def show(figure: plt.Figure, *, dpi: int = 130) -> Image:
    """Return a figure as a picture to end a notebook's cell with, and close it."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    plt.close(figure)
    return Image(buffer.getvalue())


def _texts(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose test subsets and notes are texts, empty where there is none."""
    found = [name for name in ("subset", "note", "task") if name in table]
    return table.assign(**{name: table[name].fillna("") for name in found})


def _first_subsets() -> set[str]:
    return {spec.test[0][0] for spec in TASKS.values()}
