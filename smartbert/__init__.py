"""SmartBERT and the adaptive-depth methods it is compared with, on one model, one trace format and
one protocol.

In the order that data take: `data` makes fit, tune and test of a task; `model` is the adaptive
encoder, `methods` what a method must say and SmartBERT's own; `train` trains a model and records
its traces; `trace` is what a model did, and the replay of any exit rule on it; `tune` chooses
thresholds; `analysis` measures with intervals; `report` shows it; `serve` classifies live. The
modules beside these packages, and `encoders`, the records of types of encoder, are the vocabulary
that all of them share. Importing this package loads no torch.
"""

__version__ = "0.1.0"
