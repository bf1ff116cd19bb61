"""How many examples a second does a card record? Part `recording` of card.py: dense BERT, and a
model with gates on a grid of skip thresholds; random weights, in float32.
"""

import time

import numpy as np
from speed.card_decisions import bert
from speed.card_setting import BERT, Report, Setting, columns_like_mrpc
from speed.recording import meta_of, model

from smartbert.model.configuration import adaptive_config
from smartbert.model.modeling import AdaptiveBert
from smartbert.train.recorder import grid_from_tune, record

QUANTILES = 15


def recording(setting: Setting, report: Report, end: float) -> None:
    """Count the examples a second that are recorded, of dense BERT and of a model with gates.

    Args:
        end: of `time.monotonic`; what begins before it is done.
    """
    size = setting.size
    split = columns_like_mrpc(size.recorded, size.words, np.random.default_rng(4))
    few = {name: values[: max(8, size.recorded // 8)] for name, values in split.items()}
    dense = AdaptiveBert(adaptive_config(bert(size), head="attention")).eval()
    for name, subject in ((BERT, dense), ("SmartBERT, gates and exits", model(bert(size)))):
        report.say(f"recording: {name}")
        if time.monotonic() > end:
            report.row(model=name, failed="no time left")
            continue
        subject.to(setting.device)
        grid = np.array([np.inf], dtype=np.float32)
        if subject.gates is not None:
            grid = grid_from_tune(subject, few, skip_thresholds=[0.5], quantiles=QUANTILES)
        meta = meta_of(subject.config)
        record(subject, few, grid=grid, meta=meta)  # kernels are chosen
        began = time.perf_counter()
        trace = record(subject, split, grid=grid, meta=meta)
        took = time.perf_counter() - began
        report.row(
            model=name,
            thresholds=len(grid),
            examples=size.recorded,
            paths=len(trace.example) / size.recorded,
            seconds=took,
            rate=size.recorded / took,
        )
