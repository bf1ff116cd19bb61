"""transformers' BERT beside the engine: as it is, captured by hand as a CUDA graph, compiled."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from transformers import BertForSequenceClassification

from smartbert.model.batching import pad
from smartbert.model.captured import Captured
from smartbert.model.configuration import AdaptiveBertConfig, adaptive_config
from smartbert.policies import Decisions, Policy
from smartbert.serve.engine import Example, Forced
from smartbert.serve.on_device import WIDTHS

Call = Callable[[dict[str, Tensor]], Tensor]


class Library:
    """transformers' BERT on padded batches, called as an engine is.

    Args:
        call: the model's logits on ids, types and present (n, T); None: the model as most people
            call it, on batches as wide as their longest.
    """

    def __init__(self, model: BertForSequenceClassification, call: Call | None = None):
        self.model, self.call = model, call
        self.device, self.policy = model.device, Policy()
        self.config: AdaptiveBertConfig = adaptive_config(model.config, head="first")

    @torch.inference_mode()
    def run(self, examples: Sequence[Example], forced: Forced | None = None) -> Decisions:
        """Classify one batch."""
        inputs = pad([e.ids for e in examples], [e.types for e in examples])
        if self.call is not None:
            more = -inputs["input_ids"].shape[1] % WIDTHS
            inputs = {name: torch.nn.functional.pad(v, (0, more)) for name, v in inputs.items()}
        inputs = {name: v.to(self.device, non_blocking=True) for name, v in inputs.items()}
        said = self.model(**inputs).logits if self.call is None else self.call(inputs)
        return self.whole(said.float().cpu().numpy())

    def whole(self, logits: np.ndarray) -> Decisions:
        """Return what is decided where all layers run: the final head's logits (n, C)."""
        n, depth = len(logits), self.config.num_hidden_layers
        every = np.ones((n, depth), dtype=bool)
        return Decisions(logits, np.full(n, depth), np.zeros(n, bool), every)


def logits(model: BertForSequenceClassification, held: dict[str, Tensor]) -> Tensor:
    """Return a model's logits (n, C), with the mask spelt out: nothing is looked at on the host."""
    ids, shown = held["input_ids"], held["attention_mask"].bool()
    mask = shown[:, None, None, :].expand(-1, 1, ids.shape[1], -1)
    found = model(input_ids=ids, token_type_ids=held["token_type_ids"], attention_mask=mask)
    return found.logits


def captured(model: BertForSequenceClassification) -> Call:
    """Return the model captured once for each shape, and replayed."""
    graphs = Captured()

    def call(held: dict[str, Tensor]) -> Tensor:
        shape = tuple(held["input_ids"].shape)
        return graphs(shape, lambda given: {"logits": logits(model, given)}, held)["logits"]

    return call


def compiled(model: BertForSequenceClassification) -> Call:
    """Return the model as torch compiles it for little to launch."""
    function = torch.compile(lambda held: logits(model, held), mode="reduce-overhead", dynamic=True)

    def call(held: dict[str, Tensor]) -> Tensor:
        torch.compiler.cudagraph_mark_step_begin()
        return function(held)

    return call
