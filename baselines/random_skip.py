"""Random skip: skip-only's model with its gates' values dealt to examples by lot, a control.

Each layer is skipped as often as by the learned gates, at every threshold, but not for the examples
they chose. Nothing is trained.
"""

import numpy as np
import torch

from smartbert.methods import Method, label_fields
from smartbert.modeling import adaptive_config
from smartbert.recording import load_model, own_path


class RandomSkip(Method):
    """Gates that draw from the values the parent's gates gave on tune."""

    title = "Random skip"
    gates = "random"
    defaults = {"skip_threshold": 0.5}

    def configure(self, backbone, settings, *, labels):
        return adaptive_config(
            backbone,
            gates=self.gates,
            skip_threshold=settings["skip_threshold"],
            head="attention",
            **label_fields(labels),
        )

    def initialise(self, model, start):
        seen = own_path(load_model(start.parent), start.tune).gates
        for layer, gate in enumerate(model.gates):
            levels = np.linspace(0, 1, gate.VALUES)
            # "lower" keeps values that really occurred, so rates match at every threshold.
            values = np.quantile(seen[:, layer], levels, method="lower")
            gate.values.data = torch.from_numpy(values.astype(np.float32))

    def stages(self, settings, optimisation, *, layers):
        return []
