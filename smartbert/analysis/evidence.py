"""Evidence: what an interval allows to say, and the figures that the claims are read from.

A verdict is "supported" where the whole 95 % interval lies on the claimed side, "not supported"
where the whole of it lies on the other side, "inconclusive" otherwise, and "not measured" where
the run has no training to measure it with.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import nan
from typing import cast

import pandas as pd

from smartbert.analysis.tables import turned
from smartbert.points import FULL, GLOBAL
from smartbert.tasks import TASKS

SUPPORTED, REFUTED, OPEN = "supported", "not supported", "inconclusive"
UNMEASURED = "not measured"

PAIR, POINT = ["task", "first", "second", "point", "kind"], ["task", "method", "point"]


@dataclass(frozen=True)
class Finding:
    """A figure behind a claim.

    Attributes:
        task: "" for all.
        counts: whether the claim's verdict counts it.
        note: None where nothing is to be said.
    """

    claim: int
    task: str
    what: str
    value: float = nan
    low: float = nan
    high: float = nan
    seeds: float = nan
    counts: bool = False
    verdict: str = ""
    note: str | None = None


@dataclass
class Evidence:
    """What the claims are read from.

    Attributes:
        points, differences, draws: the comparison's tables of all tasks, global space; of ablations
            too where they ran.
        gates: the gates table.
        titles: by method.
    """

    points: pd.DataFrame
    differences: pd.DataFrame
    draws: pd.DataFrame
    gates: pd.DataFrame
    titles: Mapping[str, str]
    findings: list[Finding] = field(default_factory=list)

    def __post_init__(self) -> None:
        keys = {"points": POINT, "differences": PAIR, "draws": ["task", "method"]}
        for name, key in keys.items():
            table = getattr(self, name)
            first = [TASKS[t].test[0][0] for t in table["task"]]
            subset = table["subset"].fillna("")
            own = table[(table["space"] == GLOBAL) & (subset == first)]
            # What both the comparison and an ablation have measured counts once, as the first says.
            setattr(self, name, own.drop_duplicates(key))
        # An ablation may have a pair the other way round.
        both = pd.concat([self.differences, turned(self.differences)]).drop_duplicates(PAIR)
        self._pairs = both.set_index(PAIR).sort_index()
        self._points = self.points.set_index(POINT).sort_index()

    @property
    def tasks(self) -> list[str]:
        """Tasks of the run, in their order."""
        return [name for name in TASKS if name in set(self.points["task"])]

    def point(self, task: str, method: str, point: str) -> pd.Series | None:
        """Return a method's row at a point; None if it was not run."""
        key = (task, method, point)
        return _row(self._points, key)

    def trained(self, task: str, method: str) -> int:
        """Return how many seeds a method has at full depth, which it always reaches."""
        row = self.point(task, method, FULL)
        return 0 if row is None else int(row["seeds"])

    def reaches(self, task: str, method: str, point: str) -> bool:
        """Return whether a method has a setting at a point, in one seed at least."""
        row = self.point(task, method, point)
        return row is not None and row["seeds"] > 0

    def pair(self, task: str, first: str, second: str, point: str, kind: str) -> pd.Series | None:
        """Return the paired difference first minus second; None where one has no such point."""
        key = (task, first, second, point, kind)
        return _row(self._pairs, key)

    def add(self, finding: Finding) -> str:
        """Note a figure and return its verdict."""
        self.findings.append(finding)
        return finding.verdict

    def table(self) -> pd.DataFrame:
        """Return the figures, a row each, claim by claim."""
        table = pd.DataFrame([asdict(finding) for finding in self.findings])
        return table.sort_values("claim", kind="stable", ignore_index=True)

    def verdict(self, claim: int) -> str:
        """Return a claim's verdict, that of its figures that count together."""
        own = [finding for finding in self.findings if finding.claim == claim and finding.counts]
        return together([finding.verdict for finding in own])

    def add_difference(
        self,
        claim: int,
        what: str,
        row: pd.Series,
        *,
        task: str,
        least: float = 0.0,
        scale: float = 1.0,
        counts: bool = False,
    ) -> str:
        """Note a paired difference that the claim says is above `least`; return its verdict.

        Args:
            scale: shown units per unit of the difference.
        """
        low, high = float(row["low"]), float(row["high"])
        return self.add(
            Finding(
                claim,
                task,
                what,
                value=scale * row["difference"],
                low=scale * low,
                high=scale * high,
                seeds=row["seeds"],
                counts=counts,
                verdict=judge(low, high, least=least),
            )
        )

    def title(self, method: str) -> str:
        """Return how tables call a method."""
        return self.titles.get(method) or method


def _row(table: pd.DataFrame, key: tuple[str, ...]) -> pd.Series | None:
    """Return the row of a key in a table's index, where each is there once; None if it is not."""
    return cast(pd.Series, table.xs(key)) if key in table.index else None


def judge(low: float, high: float, *, least: float = 0.0) -> str:
    """Return the verdict on "more than `least`" for an interval; touching it decides nothing."""
    if low > least:
        return SUPPORTED
    return REFUTED if high < least else OPEN


def together(verdicts: Sequence[str]) -> str:
    """Return one verdict for several: that of more than half of them, if none says the opposite."""
    counted = Counter(v for v in verdicts if v != UNMEASURED)
    if not counted:
        return UNMEASURED
    for verdict, opposite in ((SUPPORTED, REFUTED), (REFUTED, SUPPORTED)):
        if 2 * counted[verdict] > counted.total() and not counted[opposite]:
            return verdict
    return OPEN


def tally(verdicts: Sequence[str]) -> str:
    """Return how many figures say what: "7 supported, 5 inconclusive"."""
    counted = Counter(verdicts)
    return ", ".join(f"{counted[v]} {v}" for v in (SUPPORTED, OPEN, REFUTED) if counted[v])
