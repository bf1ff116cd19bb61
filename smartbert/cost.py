"""Exact analytic cost of adaptive inference, per example, in multiply-adds or FLOPs.

The component costs are those of docs/methods.md, section 7; a convention says which of them are
counted, at which length, in which unit and against which reference. Never mix two conventions in
one column. Embedding look-ups, softmax and means over tokens, which are additions alone, are not
counted in any of them. All counts are exact integers. No torch.

Shapes: N examples, L layers, C classes, T tokens, H hidden width, I intermediate width, d small
width.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from smartbert.criteria import CERTAINTY
from smartbert.errors import unknown
from smartbert.head_kinds import ATTENTION, FIRST, HEAD_KINDS, POOLED
from smartbert.policies import Decisions, Policy
from smartbert.records import OPTIONAL, Count, Record, Size, Text

PUBLISHED_LENGTH = 128  # every example is padded to this in the released codes


@dataclass(frozen=True)
class Architecture(Record):
    """The sizes that cost depends on.

    Attributes:
        small_queries: tokens that gates and attention heads compute, "all" or "first".
        exits: kind of the exit heads (`head_kinds`), None for no exits.
        head: kind of the final head.
        gates: whether layers have learned skip gates; blind ones cost nothing.
        reference_layers: depth of the dense BERT that costs are related to (a truncated model's is
            the backbone's, not its own).
        embedding: width of embeddings that a linear map widens to `hidden`; 0: they are as wide.
    """

    hidden: Size
    intermediate: Size
    layers: Size
    classes: Size
    small_width: Size = 128
    small_queries: Literal["all", "first"] = "all"
    exits: Text | None = None
    head: Text = FIRST
    gates: bool = False
    reference_layers: Count = 0
    embedding: Count = field(default=0, metadata=OPTIONAL)


@dataclass(frozen=True)
class Convention:
    """One way to count.

    Attributes:
        unit: what one counted operation is called.
        factor: units per multiply-add.
        length: token length, or None for each example's own.
        products: count the attention products QK^T and AV.
        layer_norm: operations per element of a LayerNorm (the sources' meter counts 4), else 0.
        all_exits: count the exit of every executed layer, tested or not, and the final head again
            where the loop reaches the end (as the released meter does).
        reference: head of the dense BERT that costs are related to.
        layers_only: count executed layers alone, each as one.
        text: how tables state the convention.
    """

    name: str
    unit: str
    text: str
    factor: int = 1
    length: int | None = None
    products: bool = True
    layer_norm: int = 0
    all_exits: bool = False
    reference: str = FIRST
    layers_only: bool = False


CONVENTIONS = {
    convention.name: convention
    for convention in (
        Convention(
            "flops",
            "FLOPs",
            "FLOPs (2 per multiply-add) of layers with attention products, gates, exits and head,"
            " at each example's true token length, relative to dense BERT on the same example;"
            " embedding look-ups and softmax are not counted",
            factor=2,
        ),
        Convention(
            "flops-128",
            "FLOPs",
            "as flops, every example padded to 128 tokens",
            factor=2,
            length=PUBLISHED_LENGTH,
        ),
        Convention(
            "thop-smartbert",
            "MACs",
            "the SmartBERT code's meter: multiply-adds of linear maps and 4 per LayerNorm element"
            " at 128 tokens, no attention products, a second final head at the end, relative to"
            " dense BERT with one attention head in the same count",
            length=PUBLISHED_LENGTH,
            products=False,
            layer_norm=4,
            all_exits=True,
            reference=ATTENTION,
        ),
        Convention(
            "layers", "layers", "executed layers relative to the backbone's depth", layers_only=True
        ),
    )
}


def convention(name: str) -> Convention:
    """Return a convention by name, or raise UserError naming the known ones."""
    if name not in CONVENTIONS:
        raise unknown("cost convention", name, CONVENTIONS, setting="`cost.convention`")
    return CONVENTIONS[name]


class CostModel:
    """Costs of one architecture under one convention. Lengths T are int64 arrays (N,); so are the
    results.
    """

    def __init__(self, architecture: Architecture, convention: Convention):
        self.architecture = architecture
        self.convention = convention

    def layer(self, t: np.ndarray) -> np.ndarray:
        """One encoder layer: T (4 H^2 + 2 H I), and 2 T^2 H for the attention products."""
        a, c = self.architecture, self.convention
        macs = t * (4 * a.hidden**2 + 2 * a.hidden * a.intermediate)
        return c.factor * (macs + c.products * 2 * t**2 * a.hidden) + 2 * self.layer_norm(t)

    def layer_norm(self, t: np.ndarray) -> np.ndarray:
        """One LayerNorm over all tokens, where the convention counts it."""
        return self.convention.layer_norm * t * self.architecture.hidden

    def embedded(self, t: np.ndarray) -> np.ndarray:
        """Widening the embeddings, where the encoder does that; every example pays it."""
        return self.convention.factor * t * self.architecture.embedding * self.architecture.hidden

    def small_attention(self, t: np.ndarray) -> np.ndarray:
        """The embedding to width d and the small attention that gates and attention heads share."""
        a, d = self.architecture, self.architecture.small_width
        asked = t if a.small_queries == "all" else np.ones_like(t)
        linear = t * (a.hidden * d + 2 * d**2) + asked * d**2
        return linear + self.convention.products * 2 * asked * t * d

    def gate(self, t: np.ndarray) -> np.ndarray:
        """One skip gate."""
        return self.convention.factor * (self.small_attention(t) + self.architecture.small_width)

    def head(self, kind: str, t: np.ndarray) -> np.ndarray:
        """One exit or final head of the given kind; a pooler, own or shared, costs the same on the
        first token and on the mean of all.
        """
        a, d = self.architecture, self.architecture.small_width
        if kind == ATTENTION:
            macs = self.small_attention(t) + d**2 + d * a.classes
        elif kind in POOLED:
            macs = np.zeros_like(t) + a.hidden**2 + a.hidden * a.classes
        else:
            raise unknown("head", kind, HEAD_KINDS, setting="the method")
        return self.convention.factor * macs

    def beside(self, policy: Policy, kind: str) -> int:
        """What an exit of the given kind says beside logits: its certainty, one linear map of the
        vector that its last one reads, where the policy's rule needs it.
        """
        a, rule = self.architecture, policy.rule
        if rule is None or CERTAINTY not in rule.needs:
            return 0
        return self.convention.factor * (a.small_width if kind == ATTENTION else a.hidden)

    def counted_lengths(self, lengths: np.ndarray) -> np.ndarray:
        """Return the token lengths that the convention counts, as int64."""
        t = np.asarray(lengths, dtype=np.int64)
        return t if self.convention.length is None else np.full_like(t, self.convention.length)

    def dense(self, lengths: np.ndarray) -> np.ndarray:
        """Return dense BERT's cost on each example: all layers of the backbone and one head."""
        depth = self.architecture.reference_layers or self.architecture.layers
        t = self.counted_lengths(lengths)
        if self.convention.layers_only:
            return np.full_like(t, depth)
        layers = depth * self.layer(t) + self.layer_norm(t) + self.embedded(t)
        return layers + self.head(self.convention.reference, t)

    def spent(self, decisions: Decisions, policy: Policy, lengths: np.ndarray) -> np.ndarray:
        """Return what each example cost, (N,) int64.

        Per example: a gate for every layer visited, a layer for every layer executed, an exit head
        for every executed layer whose exit the policy tests, and the final head if no exit
        answered. Gates cost nothing under a policy that never skips, since they are not run.
        """
        a, c = self.architecture, self.convention
        t = self.counted_lengths(lengths)
        executed = decisions.executed
        if c.layers_only:
            return executed.sum(-1)
        cost = executed.sum(-1) * self.layer(t) + self.layer_norm(t) + self.embedded(t)
        if a.gates and (policy.skip_threshold is not None or c.all_exits):
            cost = cost + decisions.exit_layer * self.gate(t)
        if a.exits:
            tested = executed if c.all_exits else executed & policy.tested(a.layers)
            cost = cost + tested.sum(-1) * (self.head(a.exits, t) + self.beside(policy, a.exits))
        return cost + ~decisions.exited * self.head(a.head, t)

    def relative(self, decisions: Decisions, policy: Policy, lengths: np.ndarray) -> np.ndarray:
        """Return each example's cost as a share of dense BERT's on it, (N,) float64."""
        return self.spent(decisions, policy, lengths) / self.dense(lengths)
