# %% [markdown]
# # Explore one task
#
# A trace holds, for every test example and layer, the logits of the exit and the value of the gate. From it any
# threshold can be tried in milliseconds, without the model. Change the names in the next cell and run all cells again.

# %%
TASK, METHOD, SEED = "sst2", "smartbert", 1

# %%
import sys

sys.path.insert(0, "..")
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.figure import Figure

from smartbert.metrics import measure
from smartbert.policies import Policy
from smartbert.report.notebook import Run, show
from smartbert.tasks import TASKS
from smartbert.trace.replay import Replay, relative_cost

run = Run(Path("../results/reference/minilm"))
trace = run.trace(TASK, METHOD, seed=SEED)
replay, spec = Replay(trace), TASKS[TASK]
recorded = ", ".join(f"{t:.3g}" for t in trace.grid if np.isfinite(t))
print(f"{spec.title}, {trace.meta.title}: {len(trace)} examples, {trace.depth} layers")
print(
    f"exit rule: {trace.meta.criterion}; skip thresholds recorded: {recorded or 'none'}, and never"
)


# %% [markdown]
# ## Move the thresholds
#
# `look` applies one exit threshold to all layers and one skip threshold (`None` skips nothing) and returns what that
# gives: score, cost, and the share of examples that leave at each layer.


# %%
def look(threshold: float, skip: float | None = None) -> dict[str, float | None]:
    policy = Policy.uniform(trace.meta.criterion, threshold, depth=trace.depth, skip_threshold=skip)
    decisions = replay.decide(policy)
    cost = relative_cost(trace, decisions, policy, name="flops")
    score = measure(spec, decisions.predictions, trace.labels)["score"]
    leave = {f"layer {n}": (decisions.exit_layer == n).mean() for n in range(1, trace.depth + 1)}
    return {"threshold": threshold, "skip": skip, "score": score, "FLOPs": cost.mean(), **leave}


rows = [look(t) for t in np.linspace(0, 0.65, 14)]
table = pd.DataFrame(rows)
shares = table.columns[table.columns.str.startswith("layer")]
table.style.format({"threshold": "{:.2f}", "score": "{:.1f}", "FLOPs": "{:.0%}"}).format(
    "{:.0%}", subset=shares
).hide()

# %% [markdown]
# The same as curves, once per recorded skip threshold. Each dot is one exit threshold.

# %%
figure = Figure(figsize=(8, 4.5), layout="constrained")
axes = figure.subplots()
skips = [None, *(float(t) for t in trace.grid if np.isfinite(t))]
for skip, shade in zip(skips, colormaps["viridis"](np.linspace(0, 0.9, len(skips))), strict=True):
    points = pd.DataFrame(look(t, skip) for t in np.linspace(0, 0.65, 27))
    name = "never" if skip is None else f"{skip:.3g}"
    axes.plot(points["FLOPs"], points["score"], marker="o", markersize=3, color=shade, label=name)
axes.set_xlabel("FLOPs relative to dense BERT")
axes.set_ylabel("score")
axes.legend(title="skip threshold", frameon=False)
axes.grid(color="0.92")
show(figure)

# %% [markdown]
# ## Who exits where
#
# At the setting tuned for half of dense BERT's cost: the layer at which examples leave, by their length in tokens, and
# their accuracy. Those that leave early are answered better than those that go on.

# %%
policy = run.tuned(TASK, METHOD, seed=SEED).spaces["published"].points["b50"].policy
decisions = replay.decide(policy)
right = decisions.predictions == trace.labels
pd.DataFrame(
    [
        {
            "leave at": f"layer {layer}",
            "examples": int((at := decisions.exit_layer == layer).sum()),
            "accuracy": f"{right[at].mean():.0%}" if at.any() else "",
            "tokens": f"{trace.lengths[at].mean():.1f}" if at.any() else "",
            "layers skipped": f"{(layer - decisions.layers[at]).mean():.2f}" if at.any() else "",
        }
        for layer in range(1, trace.depth + 1)
    ]
).style.hide()

# %% [markdown]
# Indices (GLUE's `idx`) of examples at the two ends: the first that leave at the earliest layer in use, and the first
# that go all the way and are answered wrongly. The sentences themselves stay with the data.

# %%
earliest = decisions.exit_layer.min()
easy = trace.index[(decisions.exit_layer == earliest) & right][:12]
hard = trace.index[~decisions.exited & ~right][:12]
print(f"leave at layer {earliest}, right:", *easy)
print("all the way, wrong:", *hard)
