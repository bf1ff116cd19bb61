"""Training and recording: from prepared columns to a model, and from a model to its traces.

`stages` builds the model that a method starts from, the backbone or the model it continues, and
trains it stage by stage with the Trainer of `trainer`: the stage's loss, batches of similar length,
the epoch with the best score on tune by `epoch_metric`. `callbacks` has what happens beside the
steps: progress, when a checkpoint is due, which epoch is kept; `checkpoints` says from where a
killed training resumes. `precision` says in what arithmetic it computes and on what hardware,
`quick` what makes a CPU faster, `devices` which card is taken where there are several (before torch
looks for one), `pace` how long a step takes. `states` holds what frozen layers give, so that heads
on them train without running them.

A trained model goes to `recorder`, which runs it once over a split and writes down all that any
policy could ask for; from there on no model runs. A split travels as plain columns: lists by name.
"""
