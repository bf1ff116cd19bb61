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

from smartbert.ablation_plots import ablation_figure, sensitivity_figure
from smartbert.reading import Run, show
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
# - *Without hard weights* trains with soft gates throughout. *Released start* is the published schedule on this model:
#   gates that start on the threshold, three soft epochs of five, a small lambda from the beginning.
# - *No dropout in frozen layers* holds the backbone still while the heads train.
# - *Lambda*, 0.2 in the method itself, weighs the penalty on layers that run; 0 asks for no skipping.

# %% [markdown]
# ## RTE

# %%
show(ablation_figure(run.ablation("rte"), caption=run.caption))

# %% [markdown]
# The first row is the method itself, every other one the change against it: auc is the mean score over the cost range,
# b50 the best setting within half of dense BERT's cost, drop1 the cheapest within a point of it. *Skipped* and
# *undecided gates* (between 0.1 and 0.9) are shares over layers at the trained threshold, *gates alone* the score of
# skipping without exits there, *mean exit* the mean score of the exits before the last, at full depth.

# %%
run.changes("rte").style.hide()

# %% [markdown]
# ## How lambda sets skipping and score

# %%
show(sensitivity_figure(run.sensitivity("rte"), caption=run.caption))

# %% [markdown]
# ## The two claims on training
#
# That contrast improves the inner classifiers, and that hard weights make training and inference agree:

# %%
pd.concat([run.evidence(5), run.evidence(6)]).style.hide()

# %% [markdown]
# ## What it says
#
# Exits carry the saving: stage 1 alone saves 52 points less. Gates carry none of it on this task: the method without any
# gate (exit-only), with its gates left out, and with a lambda of 0 score the same within the intervals and save as much.
# Only lambda 0.5 makes them skip, a quarter of the layers, and the curve does not rise by it.
#
# Of the training, contrast in stage 1 is the one part that leaves a trace: without it the score at half of the cost falls
# by 2.8 points and without any contrast by 4.2, an interval that just excludes zero; the exits' own mean falls by 1.6,
# an interval that does not. Contrast in stage 2 changes nothing. There the backbone stands still, and contrast can move
# no more than the small heads. Hard weights make no difference that three seeds could show: with gates that never close
# there is nothing for training and inference to disagree about. The released start is the worst of all variants in what
# its exits know (3.4 points less); while its gates are soft and undecided, about half of every layer's work is mixed away.
#
# RTE has 277 test examples, and seeds differ by more than most variants do. What is not seen here may
# still be there. Among fourteen rows of three figures, an interval that just excludes zero is to be expected.
