"""Rates: the learning rate of heads that tune prefers, one for each method (protocol: "A fair
comparison"). No torch.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from smartbert.analysis.evaluation import head, task_scores
from smartbert.analysis.rows import Row
from smartbert.tasks import task
from smartbert.trace.trace import Trace


def heads_score(trace: Trace) -> float:
    """Return the mean score of a trace's exits and final head, in points.

    Gates are at the method's own threshold; an exit is scored on the examples that run its layer,
    one that nobody runs not at all.
    """
    spec = task(trace.meta.task)
    paths = trace.path(trace.meta.skip_threshold)
    answers = [*paths.exit_logits.transpose(1, 0, 2), paths.final_logits]
    found = []
    for logits in answers:
        ran = ~np.isnan(logits).any(1)
        if ran.any():
            own = task_scores(spec, logits[ran].argmax(-1), trace.labels[ran])["score"]
            found.append(np.nan if own is None else own)
    return float(np.mean(found))


def rate_rows(
    traces: Sequence[Trace],
    members: Mapping[str, Mapping[str, float]],
) -> list[Row]:
    """Return one row per entry, rate and task: what its heads score on tune.

    Columns: task, method (the entry), title, seed, rate, score, used (whether the config has that
    rate).

    Args:
        traces: tune traces of every member.
        members: by entry, the trainings that differ in the heads' rate, with the rate; the one of
            the entry's own name has the config's.
    """
    by_member = {(t.meta.method, t.meta.task): t for t in traces}
    tasks = list(dict.fromkeys(t.meta.task for t in traces))
    return [
        {
            **head(trace.meta),
            **{"method": entry, "rate": rate, "score": heads_score(trace)},
            "used": member == entry,
        }
        for entry, own in members.items()
        for member, rate in own.items()
        for name in tasks
        if (trace := by_member[member, name])
    ]


def best_rates(table: pd.DataFrame) -> dict[str, float]:
    """Return each entry's rate with the highest score, the mean of tasks; of equal ones the
    smallest.
    """
    means = table.pivot_table("score", "method", "rate", sort=False).round(9).sort_index(axis=1)
    return {str(name): float(rate) for name, rate in means.idxmax(axis=1).items()}
