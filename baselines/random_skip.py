"""Random skip: skip-only's model with its gates' values dealt to examples by lot, a control.

Each layer is skipped as often as by the learned gates, at every threshold, but not for the examples
they chose. Nothing is trained.
"""

import numpy as np
import torch
from transformers import PreTrainedConfig

from smartbert.head_kinds import ATTENTION
from smartbert.methods.contract import (
    Method,
    Optimisation,
    Settings,
    Stage,
    Start,
    label_fields,
)
from smartbert.model.configuration import AdaptiveBertConfig, adaptive_config
from smartbert.model.gates import BlindGate
from smartbert.model.modeling import AdaptiveBert
from smartbert.policies import SKIP_THRESHOLD


class RandomSkip(Method):
    """Gates that draw from the values the parent's gates gave on tune."""

    gates = "random"
    defaults = {"head": ATTENTION, "skip_threshold": SKIP_THRESHOLD}

    def configure(
        self, backbone: PreTrainedConfig, settings: Settings, *, labels: tuple[str, ...]
    ) -> AdaptiveBertConfig:
        return adaptive_config(
            backbone,
            gates=self.gates,
            skip_threshold=settings["skip_threshold"],
            head=settings["head"],
            **label_fields(labels),
        )

    def initialise(self, model: AdaptiveBert, start: Start) -> None:
        seen = start.gates()
        blind = [gate for gate in model.gates or () if isinstance(gate, BlindGate)]
        for layer, gate in enumerate(blind):
            levels = np.linspace(0, 1, gate.VALUES)
            # "lower" keeps values that really occurred, so rates match at every threshold.
            values = np.quantile(seen[:, layer], levels, method="lower")
            gate.values.data = torch.from_numpy(values.astype(np.float32))

    def stages(self, settings: Settings, optimisation: Optimisation, *, layers: int) -> list[Stage]:
        return []
