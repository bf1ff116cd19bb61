"""Configuration of the adaptive BERT: a `BertConfig` plus gates, exits, head, and the thresholds in
use.
"""

from huggingface_hub.dataclasses import strict
from transformers import AutoConfig, BertConfig


@strict
class AdaptiveBertConfig(BertConfig):
    """What a model is made of, and how it decides at inference.

    Attributes:
        gates: kind of the skip gate of every layer: "learned" (methods 2.1), the blind controls
            "random" and "constant", or None for no gates.
        gate_bias: start of the gate's last bias; None keeps torch's default, as released.
        exits: kind of the heads at layers 1..L-1 (a name in `heads.HEADS`), None for no exits.
        head: kind of the final head.
        small_width: width d of gates, attention heads and projections.
        small_queries: tokens that gates and attention heads compute at inference: "all", as
            specified, or "first", the only one they read, which is cheaper and gives the same
            answers.
        gate_heads, exit_heads: attention heads inside a gate and inside an attention head.
        projections: keep the stage-1 projection heads (training only).
        contrast_heads: keep the contrast heads of the exits (training only).
        skip_threshold: a layer is skipped where its gate is at or above this; None never skips.
        criterion: exit rule, a name in `policies.CRITERIA`.
        reference_layers: depth of the dense BERT that costs are related to; 0 = this model's own.
        exit_thresholds: one threshold per layer 1..L-1, or None where no exit is tested.
        task: the task it was trained on; published models say it, as what follows.
        max_tokens: longest input it was trained on, special tokens included; 0: all it has
            positions for.
        operating_points: by name, the thresholds chosen on tune with score and cost
            (`points.stored_policy`).
        front: all settings that no other beat on tune in both score and cost, by cost.
    """

    model_type = "adaptive_bert"

    gates: str | None = None
    gate_bias: float | int | None = None
    exits: str | None = None
    head: str = "pooler"
    small_width: int = 128
    small_queries: str = "all"
    gate_heads: int = 2
    exit_heads: int = 4
    projections: bool = False
    contrast_heads: bool = False
    skip_threshold: float | int | None = 0.5
    criterion: str = "never"
    reference_layers: int = 0
    exit_thresholds: list | tuple | None = None
    task: str | None = None
    max_tokens: int = 0
    operating_points: dict | None = None
    front: list | tuple | None = None


AutoConfig.register(AdaptiveBertConfig.model_type, AdaptiveBertConfig)
