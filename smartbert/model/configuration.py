"""Configuration of the adaptive model: sizes under the names of `BertConfig`, gates, exits, head,
and the thresholds in use; what cost and policies read from it.
"""

from typing import Any, Literal

from huggingface_hub.dataclasses import strict
from transformers import AutoConfig, BertConfig, PreTrainedConfig

from smartbert.cost import Architecture
from smartbert.criteria import NEVER
from smartbert.encoders.record import Encoder, encoder
from smartbert.head_kinds import FIRST, OLD_KINDS, OLD_SHARED
from smartbert.policies import SKIP_THRESHOLD, Policy


@strict
class AdaptiveBertConfig(BertConfig):
    """What a model is made of, and how it decides at inference.

    Whatever the encoder, sizes have BERT's names; fields that its own config has beside them are
    kept as they are.

    Attributes:
        encoder: type of the encoder, a record in `smartbert.encoders`.
        gates: kind of the skip gate of every layer: "learned" (methods 2.1), the blind controls
            "random" and "constant", or None for no gates.
        gate_bias: start of the gate's last bias; None keeps torch's default, as released.
        exits: kind of the heads at layers 1..L-1 (a name in `heads.HEADS`), None for no exits.
        head: kind of the final head; "first" is the encoder's own.
        shared_pooler: exits use the final head's pooler, which is of their kind; else each has its
            own.
        small_width: width d of gates, attention heads and projections.
        small_queries: tokens that gates and attention heads compute at inference: "all", as
            specified, or "first", the only one they read, which is cheaper and gives the same
            answers.
        gate_heads, exit_heads: attention heads inside a gate and inside an attention head.
        projections: keep the stage-1 projection heads (training only).
        certainty: exits say how certain they are, by a linear map that they share (methods 5.3).
        contrast_heads: keep the contrast heads of the exits (training only).
        skip_threshold: a layer is skipped where its gate is at or above this; None never skips.
        criterion: exit rule, a name in `criteria.CRITERIA`.
        reference_layers: depth of the dense BERT that costs are related to; 0 = this model's own.
        kept_layers: which layers of the model it was pruned from it has, 0-based; None: no such.
        exit_thresholds: one threshold per layer 1..L-1, or None where no exit is tested.
        parameters: values of the rule's parameters beside the thresholds, None where it has none.
        task: the task it was trained on; published models say it, as what follows.
        columns: names of its one or two texts, in the order they are fed.
        max_tokens: longest input it was trained on, special tokens included; 0: all it has
            positions for.
        operating_points: by name, the thresholds chosen on tune with score and cost
            (`serve.classifier.stored_policy`).
        front: the settings chosen for budgets of 5 to 100 % of dense BERT's cost, by cost.
    """

    model_type = "adaptive_bert"
    # What the library's Trainer leaves out of an evaluation's predictions, beside the logits.
    keys_to_ignore_at_inference = ["parts", "exit_layer", "executed", "gates"]

    encoder: str = "bert"
    gates: str | None = None
    gate_bias: float | int | None = None
    exits: str | None = None
    head: str = FIRST
    shared_pooler: bool = False
    small_width: int = 128
    small_queries: Literal["all", "first"] = "all"
    gate_heads: int = 2
    exit_heads: int = 4
    projections: bool = False
    certainty: bool = False
    contrast_heads: bool = False
    skip_threshold: float | int | None = SKIP_THRESHOLD
    criterion: str = "never"
    reference_layers: int = 0
    kept_layers: list | tuple | None = None
    exit_thresholds: list | tuple | None = None
    parameters: list | tuple | None = None
    task: str | None = None
    columns: list | tuple | None = None
    max_tokens: int = 0
    operating_points: dict | None = None
    front: list | tuple | None = None

    def __post_init__(self, **given: Any) -> None:  # `Any`: the library's own
        """Take older names of kinds of head, as saved models have them, for today's."""
        self.shared_pooler = self.shared_pooler or self.exits == OLD_SHARED
        self.exits = OLD_KINDS.get(self.exits, self.exits) if self.exits else self.exits
        self.head = OLD_KINDS.get(self.head, self.head)
        super().__post_init__(**given)

    @property
    def record(self) -> Encoder:
        """The encoder's record.

        Raises:
            UserError: if there is none of this type.
        """
        return encoder(self.encoder, setting="`encoder` of the model's config")

    @property
    def padding(self) -> int:
        """Token id that pads."""
        return self.pad_token_id or 0

    @property
    def positions(self) -> int:
        """Tokens of the longest input that the encoder has positions for."""
        return self.max_position_embeddings - self.record.reserved

    @property
    def names(self) -> dict[int, str]:
        """Label names by class id."""
        return {int(number): name for number, name in (self.id2label or {}).items()}

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.id2label or ())


AutoConfig.register(AdaptiveBertConfig.model_type, AdaptiveBertConfig)


def adaptive_config(backbone: PreTrainedConfig, **fields: object) -> AdaptiveBertConfig:
    """Return the config of an adaptive model on a given backbone; unless a field says otherwise the
    small heads are as wide as fits it.

    Raises:
        UserError: if the backbone's type has no record.
    """
    record = encoder(backbone.model_type, setting="`backbone.path`")
    base = record.ours(backbone.to_dict())
    base |= {"encoder": record.model_type, "small_width": small_width(base["hidden_size"])}
    for name in ("model_type", "architectures", "transformers_version", "_name_or_path", "dtype"):
        base.pop(name, None)
    return AdaptiveBertConfig(**{**base, **fields})


def small_width(hidden: int) -> int:
    """Return the width of gates and attention heads for a backbone: a sixth of its own, in whole
    eights, which is the released 128 for 768.

    At 128 a gate of a backbone of 384 would cost 6 % of its layer, where it costs 2 % at 768.
    """
    return max(8, 8 * round(hidden / 48))


def architecture(config: AdaptiveBertConfig) -> Architecture:
    """Return the sizes of a model with this config, which its cost depends on."""
    return Architecture(
        hidden=config.hidden_size,
        intermediate=config.intermediate_size,
        layers=config.num_hidden_layers,
        classes=config.classes,
        small_width=config.small_width,
        small_queries=config.small_queries,
        exits=config.exits,
        head=config.head,
        gates=config.gates == "learned",
        reference_layers=config.reference_layers or config.num_hidden_layers,
        embedding=config.record.embedded(config.to_dict()),
    )


def policy_from_config(config: AdaptiveBertConfig) -> Policy:
    """Return the policy that a saved model's config carries."""
    skip_threshold = config.skip_threshold if config.gates else None
    if not config.exit_thresholds:
        return Policy(NEVER, (), skip_threshold)
    parameters = tuple(config.parameters or ())
    return Policy(config.criterion, tuple(config.exit_thresholds), skip_threshold, parameters)
