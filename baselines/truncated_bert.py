"""Truncated BERT: the first k layers, fine-tuned; every example costs the same.

The baseline that adaptive methods have to beat at equal cost: published at about 2x, BERT-6L beats
DeeBERT and PABEE on most tasks.
"""

from transformers import PreTrainedConfig

from baselines.full_bert import FullBert
from smartbert.errors import UserError
from smartbert.methods.contract import Settings, label_fields
from smartbert.model.configuration import AdaptiveBertConfig, adaptive_config


class TruncatedBert(FullBert):
    """The first `depth` layers with a head."""

    defaults = {**FullBert.defaults, "depth": 6}

    def configure(
        self, backbone: PreTrainedConfig, settings: Settings, *, labels: tuple[str, ...]
    ) -> AdaptiveBertConfig:
        depth, layers = settings["depth"], adaptive_config(backbone).num_hidden_layers
        if not 1 <= depth < layers:
            raise UserError(
                f"depth {depth} of truncated_bert: the backbone has {layers} layers, allowed are"
                f" 1 to {layers - 1}; set `methods.<entry>.depth`"
            )
        return adaptive_config(
            backbone,
            num_hidden_layers=depth,
            reference_layers=layers,
            head=settings["head"],
            **label_fields(labels),
        )
