"""Usage: what layers, exits and gates did with the examples of a trace, as rows of tables."""

import numpy as np

from smartbert.analysis.evaluation import Evaluation, head, subsets, task_scores
from smartbert.analysis.rows import Row
from smartbert.tasks import ALL, task
from smartbert.trace.replay import cost_model
from smartbert.trace.trace import Trace

LENGTH_BINS = 6  # bins of equal numbers of examples, for cost against token length
UNDECIDED = (0.1, 0.9)  # a soft gate between these is not yet nearly 0 or 1 (protocol, claim 6)
GATE_COLUMNS = (
    *("task", "method", "title", "seed"),
    *("layer", "skipped", "gate_mean", "gate_sd", "undecided"),
)


def usage(evaluation: Evaluation) -> list[Row]:
    """Return where examples leave and which layers they skip, at every operating point.

    Columns: task, method, title, seed, space, point, label ("all" or a class), layer, exit
    (share of the examples answered at this layer), ran, skipped (share that visited and skipped
    it).
    """
    table: list[Row] = []
    for space, point, setting in evaluation.chosen():
        trace, _, decisions = evaluation.decide(setting.setting)
        layers = np.arange(1, trace.depth + 1)
        exits = decisions.exit_layer[:, None] == layers
        skipped = (layers <= decisions.exit_layer[:, None]) & ~decisions.executed
        kinds = {ALL: np.ones(len(trace), dtype=bool)}
        labels = enumerate(evaluation.spec.labels)
        kinds |= {name: trace.labels == number for number, name in labels}
        for label, own in kinds.items():
            if not own.any():
                continue
            shares = (a[own].mean(0) for a in (exits, decisions.executed, skipped))
            known = {**head(evaluation.tuned), "space": space, "point": point, "label": label}
            table += [
                {**known, "layer": layer, "exit": left, "ran": ran, "skipped": passed}
                for layer, left, ran, passed in zip(layers, *shares, strict=True)
            ]
    return table


def lengths(evaluation: Evaluation) -> list[Row]:
    """Return cost by token length at every operating point.

    Columns: task, method, title, seed, space, point, low, high (tokens), length (mean), examples,
    cost (relative to dense BERT), flops and dense (absolute, in the convention's unit).
    """
    table: list[Row] = []
    for space, point, setting in evaluation.chosen():
        trace, policy, decisions = evaluation.decide(setting.setting)
        model = cost_model(trace, evaluation.tuned.convention)
        spent = model.spent(decisions, policy, trace.lengths)
        dense = model.dense(trace.lengths)
        edges = np.unique(np.quantile(trace.lengths, np.linspace(0, 1, LENGTH_BINS + 1)))
        bins = np.searchsorted(edges[1:-1], trace.lengths, side="left")
        for number in np.unique(bins):
            own = bins == number
            table.append(
                {
                    **head(evaluation.tuned),
                    **{"space": space, "point": point},
                    "low": trace.lengths[own].min(),
                    "high": trace.lengths[own].max(),
                    "length": trace.lengths[own].mean(),
                    "examples": own.sum(),
                    "cost": (spent[own] / dense[own]).mean(),
                    "flops": spent[own].mean(),
                    "dense": dense[own].mean(),
                }
            )
    return table


def exit_scores(trace: Trace) -> list[Row]:
    """Return the score of every exit at full depth, the final head being that of layer L.

    Columns: task, method, title, seed, layer, subset, score, the metrics (`metrics.columns`). A
    method without exits has the last layer alone.
    """
    spec = task(trace.meta.task)
    paths = trace.path(None)
    answers = [*paths.exit_logits.transpose(1, 0, 2), paths.final_logits]
    return [
        {
            **head(trace.meta),
            "layer": layer,
            "subset": subset,
            **task_scores(spec, logits[rows].argmax(-1), trace.labels[rows]),
        }
        for layer, logits in enumerate(answers, 1)
        if not np.isnan(logits).all()
        for subset, rows in subsets(spec, trace)
    ]


def gate_summary(trace: Trace) -> list[Row]:
    """Return what the gates did at the method's own skip threshold, one row per layer.

    Columns (`GATE_COLUMNS`): task, method, title, seed, layer, skipped (share of examples),
    gate_mean, gate_sd (over examples), undecided (share of gates in (0.1, 0.9)). Empty for a method
    without gates.
    """
    if trace.meta.skip_threshold is None:
        return []
    means = gate_means(trace)
    layers = np.arange(1, trace.depth + 1)
    own = tuple(head(trace.meta).values())
    measured = zip(layers, *(means[name] for name in GATE_COLUMNS[5:]), strict=True)
    return [dict(zip(GATE_COLUMNS, (*own, *values), strict=True)) for values in measured]


def gate_means(trace: Trace) -> dict[str, np.ndarray]:
    """Return the columns of `gate_summary` that are measured, each (L,); empty without gates."""
    threshold = trace.meta.skip_threshold
    if threshold is None:
        return {}
    paths = trace.path(threshold)
    gates = paths.gates.astype(np.float64)
    return {
        "skipped": 1 - paths.executed.mean(0),
        "gate_mean": gates.mean(0),
        "gate_sd": gates.std(0),
        "undecided": ((gates > UNDECIDED[0]) & (gates < UNDECIDED[1])).mean(0),
    }
