"""Gates off: a trained SmartBERT run without its gates, exits alone, an ablation.

Nothing is trained: layers and exits are SmartBERT's, which saw gates while they trained.
Exit-only, by contrast, never had any.
"""

from baselines.exit_only import ExitOnly


class GatesOff(ExitOnly):
    """SmartBERT's layers and exits, no gate run."""

    title = "SmartBERT, gates off"
    defaults = {"skip_threshold": 0.5}

    def configure(self, backbone, settings, *, labels):
        return super().configure(backbone, {**settings, "eta": 0}, labels=labels)

    def stages(self, settings, optimisation, *, layers):
        return []
