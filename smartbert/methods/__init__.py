"""What a method must say: an architecture, its training stages, the exit rule that may be tuned.

`contract` is the base class and its records, handed on here for the files of users; `smartbert` is
SmartBERT in its terms, `losses` are its losses, `starts` says what exits may start from. Rivals and
controls are in `baselines`. Training asks a method for a model's config, for what new modules start
from, and for stages; a stage's loss gets the model, a batch and how far the stage is. The contract
itself imports no torch.
"""

from smartbert.methods.contract import (
    Method,
    Optimisation,
    Progress,
    Stage,
    Start,
    always,
    by_epoch,
    head_rates,
    label_fields,
)

__all__ = [
    "Method",
    "Optimisation",
    "Progress",
    "Stage",
    "Start",
    "always",
    "by_epoch",
    "head_rates",
    "label_fields",
]
