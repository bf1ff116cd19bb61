"""Made-up tables: the rows of a run as evaluation writes them."""

import numpy as np
import pandas as pd

from smartbert.analysis.tables import concat
from smartbert.points import PUBLISHED
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
                "space": PUBLISHED if i else "global",
                "point": f"entropy {i / 10:g}" if i else "full",
            },
            **{"subset": subset, "skip_threshold": None, "exit_threshold": i / 10},
            "score": 80 + rng.normal() - 10 * (1 - cost),
            **{"accuracy": 80.0, "f1": None, "mcc": None},
            **{"cost_relative": cost, "speedup": 1 / cost, "layers": 6 * cost},
            **{"examples": 100, "convention": convention, "status": "ok"},
        }
        for i, cost in enumerate(costs)
        for subset, _ in TASKS[task].test
    ]
    return pd.DataFrame(rows)


def points(rows: pd.DataFrame) -> pd.DataFrame:
    """The comparison's rows of the same points."""
    keys = ["task", "method", "title", "space", "subset", "point"]
    own = rows[rows["space"] == "global"].groupby(keys, sort=False)["score"].mean().reset_index()
    return own.assign(
        score_low=own["score"] - 1,
        score_high=own["score"] + 1,
        cost_low=0.9,
        cost_high=1.1,
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
