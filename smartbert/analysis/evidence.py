"""Evidence: what an interval allows to say, and the figures that the claims are read from.

A verdict is "supported" where the whole 95 % interval lies on the claimed side, "not supported"
where the whole of it lies on the other side, "inconclusive" otherwise; "not testable" where dense
BERT itself is no better than the majority class, and "not measured" where the run has no training
to measure it with.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import inf, nan
from typing import cast

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from smartbert.analysis.statistics import LEVEL, mean_over_tasks
from smartbert.analysis.tables import turned
from smartbert.manifest import REFERENCE, ShownMethod
from smartbert.points import FIXED, FULL, MAIN
from smartbert.tasks import TASKS

SUPPORTED, REFUTED, OPEN = "supported", "not supported", "inconclusive"
UNTESTABLE, UNMEASURED = "not testable", "not measured"
LEAST_SEEDS = 3  # of a task that decides anything
LEAST_TASKS = 2  # that decide a claim on all

PAIR, POINT = ["task", "space", "first", "second", "point", "kind"], ["task", "method", "point"]


@dataclass(frozen=True)
class Finding:
    """A figure behind a claim.

    Attributes:
        task: "" for all.
        p: Holm-corrected, where several methods are compared.
        decides: whether the claim's verdict is read from it.
        note: None where nothing is to be said.
    """

    claim: int
    task: str
    what: str
    value: float = nan
    low: float = nan
    high: float = nan
    seeds: float = nan
    p: float = nan
    decides: bool = False
    verdict: str = ""
    note: str | None = None


@dataclass(frozen=True)
class Pooled:
    """A mean over the tasks that may decide, with its interval.

    Attributes:
        tasks: those in it.
        p: two-sided, of no difference.
    """

    value: float
    low: float
    high: float
    p: float
    tasks: Sequence[str]

    @property
    def titles(self) -> str:
        """How its tasks are called."""
        return ", ".join(TASKS[name].title for name in self.tasks)

    @property
    def few(self) -> str | None:
        """Why it decides nothing, None where it may: what is asked of a task of the config is asked
        of it alone, what is asked of methods needs several.
        """
        if all(TASKS[name].own for name in self.tasks):
            return None
        return "one task alone decides nothing" if len(self.tasks) < LEAST_TASKS else None

    def verdict(self, *, least: float) -> str:
        """Return the verdict on "more than `least`"."""
        return OPEN if self.few else judge(self.low, self.high, least=least)


@dataclass
class Evidence:
    """What the claims are read from.

    Attributes:
        points, differences, draws: the comparison's tables of all tasks; of ablations too where
            they ran. Of several test subsets the first is read, of search spaces the main one, and
            the fixed depths.
        gates: the gates table.
        methods: those of the run's manifest, by name.
        titles: of methods, also of those that an ablation alone has.
        planned: how many seeds a method was to have, by task and method.
    """

    points: pd.DataFrame
    differences: pd.DataFrame
    draws: pd.DataFrame
    gates: pd.DataFrame
    methods: Mapping[str, ShownMethod]
    titles: Mapping[str, str]
    planned: Mapping[tuple[str, str], int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def __post_init__(self) -> None:
        spaces = {"points": [MAIN], "differences": [MAIN, FIXED], "draws": [MAIN]}
        keys = {"points": POINT, "differences": PAIR, "draws": ["task", "method"]}
        for name, key in keys.items():
            table = getattr(self, name)
            first = [TASKS[t].test[0][0] for t in table["task"]]
            subset = table["subset"].fillna("")
            own = table[table["space"].isin(spaces[name]) & (subset == first)]
            # What both the comparison and an ablation have measured counts once, as the first says.
            setattr(self, name, own.drop_duplicates(key))
        # An ablation may have a pair the other way round.
        pairs = self.differences
        pairs = pairs[(pairs["space"] == MAIN) | (pairs["first"] == pairs["second"])]
        both = pd.concat([pairs, turned(pairs)]).drop_duplicates(PAIR)
        self._pairs = both.set_index(PAIR).sort_index()
        self._points = self.points.set_index(POINT).sort_index()

    @property
    def tasks(self) -> list[str]:
        """Tasks of the run, in their order."""
        return [name for name in TASKS if name in set(self.points["task"])]

    @property
    def claimed(self) -> list[str]:
        """Those that the paper's claims are of; a config's own are asked questions alone."""
        return [name for name in self.tasks if not TASKS[name].own]

    def point(self, task: str, method: str, point: str) -> pd.Series | None:
        """Return a method's row at a point; None if it was not run."""
        return _row(self._points, (task, method, point))

    def trained(self, task: str, method: str) -> int:
        """Return how many seeds a method was to have; those it has at full depth, which it always
        reaches, where that is not known.
        """
        row = self.point(task, method, FULL)
        return max(self.planned.get((task, method), 0), 0 if row is None else int(row["seeds"]))

    def wanted(self, task: str, *methods: str) -> float:
        """Return how many seeds several methods have together; more than there can be where one of
        them has lost a seed.
        """
        found = {method: self.point(task, method, FULL) for method in methods}
        lost = any(
            row is None or row["seeds"] < self.planned.get((task, method), 0)
            for method, row in found.items()
        )
        return inf if lost else min(self.trained(task, method) for method in methods)

    def untestable(self, task: str) -> str | None:
        """Return why nothing can be tested on a task: dense BERT is no better there than the
        majority class, or was not run. None where it is.
        """
        row = self.point(task, REFERENCE, FULL)
        if row is None:
            return f"{self.title(REFERENCE)} did not run"
        if row["score_low"] > row["majority"]:
            return None
        return (
            f"dense BERT {row['score']:.1f} [{row['score_low']:.1f}, {row['score_high']:.1f}],"
            f" majority class {row['majority']:.1f}"
        )

    def pair(
        self, task: str, first: str, second: str, point: str, kind: str, *, space: str = MAIN
    ) -> pd.Series | None:
        """Return the paired difference first minus second; None where one has no such point."""
        return _row(self._pairs, (task, space, first, second, point, kind))

    def add(self, finding: Finding) -> str:
        """Note a figure and return its verdict."""
        self.findings.append(finding)
        return finding.verdict

    def table(self) -> pd.DataFrame:
        """Return the figures, a row each, claim by claim."""
        table = pd.DataFrame([asdict(finding) for finding in self.findings])
        return table.sort_values("claim", kind="stable", ignore_index=True)

    def decided_by(self, task: str, seeds: float, trained: float) -> bool:
        """Return whether a task may decide: enough seeds, all of which have the figure, a task that
        means are taken over, and that can be tested.
        """
        counted = TASKS[task].averaged and self.untestable(task) is None
        return counted and seeds >= LEAST_SEEDS and seeds >= trained

    def verdict(self, task: str, low: float, high: float, seeds: float, *, least: float) -> str:
        """Return the verdict on "more than `least`" on one task; nothing is decided with fewer than
        three seeds, nor where dense BERT has learnt nothing.
        """
        if self.untestable(task) is not None:
            return UNTESTABLE
        return judge(low, high, least=least) if seeds >= LEAST_SEEDS else OPEN

    def add_difference(
        self,
        claim: int,
        what: str,
        row: pd.Series,
        *,
        task: str,
        least: float | None = 0.0,
        scale: float = 1.0,
    ) -> str:
        """Note a paired difference that the claim says is above `least`; return its verdict.

        Args:
            least: None: it stands beneath another figure, without a verdict.
            scale: shown units per unit of the difference.
        """
        low, high, seeds = (float(row[name]) for name in ("low", "high", "seeds"))
        verdict = "" if least is None else self.verdict(task, low, high, seeds, least=least)
        numbers = (scale * row["difference"], scale * low, scale * high, seeds)
        return self.add(
            Finding(claim, task, what, *numbers, verdict=verdict, note=self.untestable(task))
        )

    def title(self, method: str) -> str:
        """Return how tables call a method."""
        return self.titles.get(method) or method


def _row(table: pd.DataFrame, key: tuple[str, ...]) -> pd.Series | None:
    """Return the row of a key in a table's index, where each is there once; None if it is not."""
    return cast(pd.Series, table.xs(key)) if key in table.index else None


def pool(rows: Mapping[str, pd.Series], *, scale: float = 1.0) -> Pooled | None:
    """Return the mean over tasks of paired differences, None where no task may decide.

    Args:
        rows: by task, with difference, error and freedom.
        scale: shown units per unit of the difference.
    """
    if not rows:
        return None
    columns = ("difference", "error", "freedom")
    values, errors, freedoms = (np.array([float(r[c]) for r in rows.values()]) for c in columns)
    value, error, freedom = mean_over_tasks(values, errors, freedoms)
    freedom = min(freedom, 1e9)
    reach = float(stdtrit(freedom, (1 + LEVEL) / 2)) * error
    p = 2 * float(stdtr(freedom, -abs(value) / error)) if error > 0 else float(value == 0)
    return Pooled(scale * value, scale * (value - reach), scale * (value + reach), p, list(rows))


def judge(low: float, high: float, *, least: float = 0.0) -> str:
    """Return the verdict on "more than `least`" for an interval; touching it decides nothing."""
    if low > least:
        return SUPPORTED
    return REFUTED if high < least else OPEN


def opposite(verdict: str) -> str:
    """Return the verdict on the opposite claim."""
    return {SUPPORTED: REFUTED, REFUTED: SUPPORTED}.get(verdict, verdict)


def all_of(verdicts: Sequence[str]) -> str:
    """Return the verdict on a claim that needs every one of some figures; "not measured" for
    none.
    """
    for verdict in (REFUTED, OPEN, UNTESTABLE):
        if verdict in verdicts:
            return verdict
    return SUPPORTED if verdicts and set(verdicts) == {SUPPORTED} else UNMEASURED
