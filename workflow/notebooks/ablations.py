# %% [markdown]
# # What carries the effect: the ablations
#
# SmartBERT joins several things: a gate and an exit in every layer, two stages of training, cross-layer contrastive
# learning in both, and hard weights. Each variant below leaves one of them out, or sets it otherwise. It is trained and
# tuned like the method itself, with the same seeds and examples, so that a change is paired: what the seed and the
# example contribute to both falls out. No model runs here; every number comes from `results/reference/minilm`.

# %%
import sys

sys.path.insert(0, "..")
from pathlib import Path

import pandas as pd

from smartbert.report.ablation_plots import ablation_figure, sensitivity_figure
from smartbert.report.notebook import Run, show
from smartbert.tasks import TASKS

pd.set_option("display.max_colwidth", None)
run = Run(Path("../results/reference/minilm"))
print(", ".join(TASKS[name].title for name in run.ablated) + ".", run.caption)

# %% [markdown]
# ## The variants
#
# - *Thresholds per layer*: the same trained model, with one exit threshold per layer instead of one for all.
# - *Exit-only* has the same heads on a dense backbone, trained without gates; *gates off* is the trained SmartBERT with
#   its gates left out at inference. *Skip-only* is stage 1 alone: gates, no exits.
# - *Without contrast* gives the contrastive loss the weight 0, in both stages or in one. *Over all pairs* adds the last
#   pair of neighbouring exits, which the released code leaves out, to the contrast of stage 2.
# - *Padding masked* leaves padding out of the means that the contrast compares.
# - *Without hard weights* trains with soft gates throughout. *Released start* is the published schedule on this model:
#   gates that start on the threshold, three soft epochs of five, a small lambda from the beginning. *Gates start at the
#   threshold* takes over the first of these alone.
# - *No dropout in frozen layers* holds the backbone still while the heads train.
# - *Lambda*, 0.2 in the method itself, weighs the penalty on layers that run; 0 asks for no skipping.

# %% [markdown]
# ## MRPC

# %%
show(ablation_figure(run.ablation("mrpc"), looks=run.looks, caption=run.caption))

# %% [markdown]
# The first row is the method itself, every other one the change against it: auc is the mean score over the cost range,
# b50 the best setting within half of dense BERT's cost, drop1 the cheapest within a point of it. *Skipped* and
# *undecided gates* (between 0.1 and 0.9) are shares over layers at the trained threshold, *gates alone* the score of
# skipping without exits there, *mean exit* the mean score of the exits before the last, at full depth.

# %%
run.changes("mrpc").style.hide()

# %% [markdown]
# ## RTE
#
# The same on a task with 277 test examples and scores little above chance: its intervals are three times as wide.

# %%
show(ablation_figure(run.ablation("rte"), looks=run.looks, caption=run.caption))

# %%
run.changes("rte").style.hide()

# %% [markdown]
# ## How lambda sets skipping and score

# %%
show(sensitivity_figure(run.sensitivity("mrpc"), looks=run.looks, caption=run.caption))

# %%
show(sensitivity_figure(run.sensitivity("rte"), looks=run.looks, caption=run.caption))

# %% [markdown]
# ## The two claims on training
#
# That contrast improves the inner classifiers, and that hard weights make training and inference agree:

# %%
pd.concat([run.evidence(5), run.evidence(6)]).style.hide()

# %% [markdown]
# ## What it says
#
# Exits carry the saving on both tasks: stage 1 alone saves more than 50 points less. Gates carry none of it: the method
# without any gate (exit-only), with its gates left out at inference, and with a lambda of 0 scores the same within the
# intervals and saves as much. They skip 7 % of the layers on MRPC and none on RTE. A larger lambda makes them skip
# more, evenly on MRPC (0, 3, 5, 7 and 16 % for 0, 0.05, 0.1, 0.2 and 0.5), at once on RTE (26 % with 0.5, nothing
# before), and the curve does not rise by it. On MRPC skipping costs no score, but what goes is the fifth layer or the
# last, which an exit spares anyway.
#
# Contrast shows no effect that lasts. On RTE the score at half of the cost is 4.2 points lower without it, an interval
# that just excludes zero, and lower still at a third, where the method itself spends more; MRPC, the sharper test, has
# -0.1 at half and -0.2 at a third. The mean score of the exits, by which the claim is measured, is 1.6 points better
# with contrast on RTE and 0.2 worse on MRPC, both within their intervals. In stage 2 the backbone stands still, and
# contrast can move no more than the small heads.
#
# Hard weights help skipping on MRPC: 3.7 points more at the trained threshold than after soft training, where a layer that
# was mixed in by half in training is dropped for most examples at inference. (It is not the same cost: soft training
# skips 17 % of the layers, hard training 7 %.) On RTE, where no gate gets to the threshold either way, they make no
# difference.
#
# How the gates start matters most. The released start leaves all gates undecided, close to the threshold, and the model
# itself worse: 4.2 points of mean score over the cost range on MRPC, 3.6 and 3.4 points in what the exits know on MRPC
# and RTE, all beyond their intervals. The gates' first value is enough to explain it: that alone costs 5.5 points on
# MRPC. Hard from the threshold on, gates close 42 % of the layers on MRPC and 57 % on RTE, and which ones is decided by
# the seed, not by the example: on MRPC the first four layers, the second and fifth, or the last two.
#
# Seeds differ by more than most variants do. What is not seen here may still be there, and among so many rows and
# figures some intervals that just exclude zero are to be expected; what both tasks show is worth more.
