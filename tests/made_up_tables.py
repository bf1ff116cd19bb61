"""Made-up tables: the rows of a run as evaluation writes them, and a run in which every claim
holds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf

import numpy as np
import pandas as pd

from smartbert.analysis.claims import claims_table
from smartbert.analysis.evidence import Evidence
from smartbert.analysis.tables import concat
from smartbert.manifest import Look, ShownMethod
from smartbert.points import AUC, DROP, EXITS, FIXED, FULL, GATES, MAIN, SWEEP
from smartbert.tasks import TASKS

TITLES = {"full_bert": "BERT", "smartbert": "SmartBERT", "deebert": "DeeBERT", "pabee": "PABEE"}


def scores(task: str, method: str, seed: int, convention: str = "flops") -> pd.DataFrame:
    """Made-up rows of a run: a tuned point, and but for dense BERT a published sweep of three."""
    rng = np.random.default_rng([seed, len(task), len(method)])
    costs = [1.0] if method == "full_bert" else [1.05, 0.8, 0.5, 0.3]
    rows = [
        {
            **{"task": task, "method": method, "title": TITLES[method], "seed": seed},
            **{
                "space": SWEEP if i else MAIN,
                "point": f"entropy {i / 10:g}" if i else FULL,
            },
            **{"subset": subset, "skip_threshold": None, "exit_threshold": i / 10},
            "score": 80 + rng.normal() - 10 * (1 - cost),
            **{"accuracy": 80.0, "f1": None, "mcc": None},
            **{"cost_relative": cost, "cost_total": cost - 0.02, "speedup": 1 / cost},
            **{"layers": 6 * cost, "examples": 100, "convention": convention, "status": "ok"},
        }
        for i, cost in enumerate(costs)
        for subset, _ in TASKS[task].test
    ]
    table = pd.DataFrame(rows)
    return table.assign(tune_score=(table["score"] + 1.5).where(table["space"] == MAIN))


def points(rows: pd.DataFrame) -> pd.DataFrame:
    """The comparison's rows of the same tuned points."""
    keys = ["task", "method", "title", "space", "subset", "point"]
    own = rows[rows["space"] == MAIN].groupby(keys, sort=False)["score"].mean().reset_index()
    return own.assign(
        score_low=own["score"] - 1,
        score_high=own["score"] + 1,
        cost=1.0,
        cost_low=0.9,
        cost_high=1.1,
        none=0.0,
        seeds=2,
        examples=100,
        status="ok",
    )


def exits(task: str, method: str) -> pd.DataFrame:
    layers = [6] if method == "full_bert" else range(1, 7)
    head = {"task": task, "method": method, "member": method, "title": TITLES[method], "seed": 1}
    rows = [
        {**head, "subset": "", "layer": n, "score": 50 + 5 * n, "accuracy": 50.0, "f1": None}
        for n in layers
    ]
    return pd.DataFrame(rows).assign(mcc=None)


def every_score() -> pd.DataFrame:
    """Rows of every task and method, of two seeds."""
    return concat([scores(t, m, s) for t in TASKS for m in TITLES for s in (1, 2)])


def gate_rows(filled: bool = True) -> pd.DataFrame:
    """Two layers of one training with gates, of two seeds; or the columns alone."""
    columns = ["task", "method", "member", "title", "seed", "layer"]
    columns += ["skipped", "gate_mean", "gate_sd", "undecided"]
    head = ("rte", "smartbert", "smartbert", "SmartBERT")
    rows = [
        [*head, seed, layer, 0.1 * layer + seed / 10, 0.5, 0.02, 1.0]
        for seed in (1, 2)
        for layer in (1, 2)
    ]
    return pd.DataFrame(rows if filled else [], columns=columns)


REACH = 1.96  # standard errors, of many degrees of freedom
LOOK = Look("#000000", "o", "-")
RIVALS = ("deebert", "pabee")
CONTROLS = ("skip_only", "exit_only", "truncated_bert", "random_skip", "constant_skip")
VARIANTS = ("smartbert_no_contrast", "skip_only_soft")
Change = Callable[[pd.DataFrame], pd.DataFrame]


def shown(*families: str) -> dict[str, ShownMethod]:
    """Methods of a run with rows of some families ("matched", "released")."""
    roles = {"full_bert": ("reference", None)} | dict.fromkeys(CONTROLS, ("control", None))
    for family in families:
        end = "" if family == "matched" else "_released"
        roles[f"smartbert{end}"] = ("ours", family)
        roles |= {f"{rival}{end}": ("rival", family) for rival in RIVALS}
    return {
        name: ShownMethod((name,), None, role, LOOK, family)
        for name, (role, family) in roles.items()
    }


def difference(task: str, first: str, second: str, point: str, kind: str, value: float, **more):
    """A paired difference, of a standard error of 0.1 points of score or 0.01 of cost."""
    error = more.pop("error", 0.01 if kind == "cost" else 0.1)
    row = {
        **{"task": task, "subset": TASKS[task].test[0][0], "space": MAIN, "first": first},
        **{"second": second, "point": point, "kind": kind, "difference": value},
        **{"low": value - REACH * error, "high": value + REACH * error, "probability": 0.9},
        **{"error": error, "freedom": inf, "seeds": 3, "none": 0.0},
    }
    return row | more


@dataclass
class World:
    """The tables that claims are read from, of a run in which every claim holds by its interval.

    Attributes:
        methods: of its manifest.
        points, differences, draws, gates: to be changed by `but`.
    """

    methods: dict[str, ShownMethod]
    points: pd.DataFrame
    differences: pd.DataFrame
    draws: pd.DataFrame
    gates: pd.DataFrame
    titles: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, tasks: Sequence[str] = ("sst2", "qnli", "rte"), *families: str) -> "World":
        """Return the world of some tasks; families: matched alone where none is named."""
        methods = shown(*(families or ("matched",)))
        parts: dict[str, list] = {"points": [], "differences": [], "draws": [], "gates": []}
        for task in tasks:
            for name, rows in _task(task, [*methods, *VARIANTS]).items():
                parts[name] += rows
        return cls(methods, **{name: pd.DataFrame(rows) for name, rows in parts.items()})

    def but(self, table: str, change: Change) -> "World":
        """Return the world with one table changed."""
        return World(**{**vars(self), table: change(getattr(self, table).copy())})

    def where(self, table: str, keys: dict[str, object], **values) -> "World":
        """Return the world with other values in the rows of a table that have these keys."""

        def change(rows: pd.DataFrame) -> pd.DataFrame:
            own = pd.Series(data=True, index=rows.index)
            for key, value in keys.items():
                own &= rows[key] == value
            assert own.any(), (table, keys)
            for name, value in values.items():
                rows[name] = rows[name].mask(own, value)
            return rows

        return self.but(table, change)

    def moved(self, keys: dict[str, object], value: float, *, error: float = 0.1) -> "World":
        """Return the world with other differences where they have these keys."""
        ends = {"low": value - REACH * error, "high": value + REACH * error}
        return self.where("differences", keys, difference=value, error=error, **ends)

    def with_seeds(self, seeds: int) -> "World":
        """Return the world of so many trainings of everything."""
        world = self
        for table in ("points", "differences", "draws", "gates"):
            world = world.where(table, {}, seeds=seeds)
        return world

    def evidence(self) -> Evidence:
        """Return what the claims are read from."""
        parts = {k: v for k, v in vars(self).items() if k not in ("methods", "titles")}
        return Evidence(**parts, methods=self.methods, titles=self.titles)

    def claims(self) -> pd.DataFrame:
        """Return the table of claims."""
        return claims_table(self.evidence())

    def verdicts(self) -> dict[int | str, str]:
        """Return the verdicts: by claim, and "released" for that on the published artefact."""
        table = self.claims()
        heads = table[table["what"] == "overall"].set_index("claim")["verdict"].to_dict()
        (released,) = table[table["what"] == "overall, as released"]["verdict"]
        return {**heads, "released": released}


def _task(task: str, methods: Sequence[str]) -> dict[str, list[dict]]:
    """Return what a task adds to each table of a world."""
    subset = TASKS[task].test[0][0]
    points, differences, draws = [], [], []
    saves = {"smartbert": 0.4, "smartbert_released": 0.4, "skip_only": 0.6, "exit_only": 0.97}
    for method in methods:
        head = {"task": task, "method": method, "title": method, "space": MAIN, "subset": subset}
        head |= {"seeds": 3, "none": 0.0, "majority": 55.0, "examples": 500, "status": "ok"}
        for point, cost in ((FULL, 1.0), (DROP, saves.get(method, 0.8))):
            ends = {"cost_low": cost - 0.01, "cost_high": cost + 0.01}
            scores = {"score": 80.0, "score_low": 78.0, "score_high": 82.0}
            points.append({**head, "point": point, **scores, "cost": cost, **ends})
        if method in saves:
            cost = saves[method]
            drawn = cost * np.exp(np.random.default_rng(len(task)).normal(0, 0.01, 200))
            own = {"task": task, "method": method, "space": MAIN, "subset": subset}
            own |= {"value": cost, "seeds": 3}
            draws.append(own | {f"d{i}": value for i, value in enumerate(drawn)})
        if method in saves:
            loss = difference(task, "full_bert", method, DROP, "score", 0.3)
            differences.append(loss)
    auc = [(f"smartbert{e}", f"{r}{e}", 1.0) for e in ("", "_released") for r in RIVALS]
    auc += [("smartbert", "truncated_bert", 2.0), ("smartbert", "exit_only", 0.8)]
    auc += [("skip_only", "random_skip", 0.7), ("skip_only", "constant_skip", 0.9)]
    known = set(methods)
    differences += [
        difference(task, first, second, AUC, "score", value)
        for first, second, value in auc
        if {first, second} <= known
    ]
    differences += [
        difference(task, "smartbert", "smartbert", AUC, "score", 0.6, space=FIXED),
        difference(task, "skip_only", "exit_only", DROP, "cost", -0.37),
        difference(task, "smartbert", "exit_only", DROP, "cost", -0.57),
        difference(task, "smartbert", "smartbert_no_contrast", EXITS, "score", 1.5),
        difference(task, "skip_only", "skip_only_soft", GATES, "score", 2.0),
        difference(task, "skip_only", "random_skip", GATES, "score", 3.0),
        difference(task, "skip_only", "constant_skip", GATES, "score", 4.0),
    ]
    if not {"smartbert"} <= known:
        differences = [d for d in differences if "smartbert" not in (d["first"], d["second"])]
    gates = [
        {"task": task, "method": m, "layer": layer, "undecided": share, "seeds": 3}
        for m, share in (("skip_only", 0.5), ("skip_only_soft", 0.9))
        for layer in (1, 2)
    ]
    return {"points": points, "differences": differences, "draws": draws, "gates": gates}
