# %% [markdown]
# # How a number comes about
#
# One cell of the main table, from the trace to the table, in five steps: what the model said, what the thresholds make
# of it, what it costs, and how the thresholds were chosen. No model runs and nothing is trained.

# %%
import sys
import warnings

sys.path.insert(0, "..")
warnings.filterwarnings("ignore", "IProgress not found")  # a progress bar that is not drawn here
from pathlib import Path

import numpy as np
import pandas as pd

from smartbert.cost import CostModel, convention
from smartbert.metrics import measure
from smartbert.criteria import entropy
from smartbert.report.notebook import Run
from smartbert.tasks import TASKS
from smartbert.trace.replay import Replay
from smartbert.tune.study import tune_method

TASK, METHOD, SEED, POINT = "rte", "smartbert", 1, "b50"
run = Run(Path("../results/reference/minilm"))

# %% [markdown]
# ## 1. The trace: what the model said
#
# For one test example: the logits of every exit at full depth, the entropy of each answer, and the gate of each layer.

# %%
trace = run.trace(TASK, METHOD, seed=SEED)
paths = trace.path(None)
example = 0
logits = np.vstack([paths.exit_logits[example], paths.final_logits[example]])
pd.DataFrame(
    {
        "layer": np.arange(1, trace.depth + 1),
        **{TASKS[TASK].labels[c]: logits[:, c].round(3) for c in range(logits.shape[1])},
        "entropy": entropy(logits).round(3),
        "gate": paths.gates[example].round(3),
    }
).style.hide().format(precision=3)

# %% [markdown]
# ## 2. Replay: what the thresholds make of it
#
# `points.json` has the setting that tune chose for this point: of those within half of dense BERT's cost that tune
# cannot tell from the best of them, by one standard error, the dearest. An example leaves at the first layer whose entropy is
# below the threshold; a layer is skipped where its gate is at or above the skip threshold.

# %%
tuned = run.tuned(TASK, METHOD, seed=SEED)
policy = tuned.spaces["published"].points[POINT].policy
print(policy)
decisions = Replay(trace).decide(policy)
for i in range(5):
    ran = [int(n) for n in np.flatnonzero(decisions.executed[i]) + 1]
    print(
        f"example {trace.index[i]}: ran layers {ran}, answered at layer {decisions.exit_layer[i]}"
    )

# %% [markdown]
# ## 3. Cost: what that took
#
# Multiply-adds are counted per component at the example's own length, and FLOPs are two per multiply-add. For the first
# example, by hand and by the cost model:

# %%
architecture = trace.meta.architecture
model = CostModel(architecture, convention("flops"))
length = trace.lengths[:1]
layers, visited = int(decisions.executed[0].sum()), int(decisions.exit_layer[0])
tested = int((decisions.executed[0] & policy.tested(trace.depth)).sum())
by_hand = layers * model.layer(length)
if policy.skip_threshold is not None:
    by_hand = by_hand + visited * model.gate(length)
by_hand = by_hand + tested * model.head(architecture.exits or "", length)
by_hand = by_hand + (not decisions.exited[0]) * model.head(architecture.head, length)
spent = model.spent(decisions, policy, trace.lengths)
print(
    f"{length[0]} tokens, {layers} layers run: {int(by_hand[0]):,} FLOPs by hand, {int(spent[0]):,} counted"
)
print(f"dense BERT on the same example: {int(model.dense(length)[0]):,}")

# %% [markdown]
# ## 4. The number, and the table's
#
# The mean over test examples, beside the row of `runs/*/scores.csv` that the table is made of.

# %%
score = measure(TASKS[TASK], decisions.predictions, trace.labels)["score"]
cost = (spent / model.dense(trace.lengths)).mean()
kept = pd.read_csv(run.files(TASK, METHOD, seed=SEED).table("scores"))
row = kept[(kept["space"] == "published") & (kept["point"] == POINT)].iloc[0]
print(
    f"replayed: score {score:.4f} at {cost:.4%}; kept: {row['score']:.4f} at {row['cost_relative']:.4%}"
)
assert np.isclose(score, row["score"], atol=1e-4) and np.isclose(
    cost, row["cost_relative"], atol=1e-6
)

# %% [markdown]
# ## 5. How the thresholds were chosen
#
# By Optuna, on the tune trace alone; the same seed finds the same settings. Tuning anew:

# %%
dense = run.trace(TASK, "full_bert", seed=SEED, split="tune")
settings = tuned.settings
found, trials = tune_method(
    {METHOD: run.trace(TASK, METHOD, seed=SEED, split="tune")},
    convention=tuned.convention,
    spaces=["published"],
    trials=settings.trials,
    sampler=settings.sampler,
    seed=settings.seed,
    dense=dense,
)
again = found["published"].points[POINT]
print(f"{len(trials)} trials; tune score {again.tune_score:.2f} at {again.tune_cost:.2%}")
assert again == tuned.spaces["published"].points[POINT]

# %% [markdown]
# What came before the trace, training, is in `provenance.json` beside it: settings, seed, commit, versions and the hash
# of the data.
