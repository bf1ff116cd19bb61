"""Tiny encoders of several types on random weights, and the library's classifier of each."""

from dataclasses import dataclass

import torch
import transformers
from conftest import CLASSES, DEPTH
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel

from smartbert.encoders.record import encoder
from smartbert.model.configuration import adaptive_config
from smartbert.model.modeling import AdaptiveBert

SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": DEPTH,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "vocab_size": 120,
    "max_position_embeddings": 66,
    "id2label": {i: str(i) for i in range(CLASSES)},
}


@dataclass(frozen=True)
class Kind:
    """How the library calls a type, and where its classifier's two linear maps are."""

    name: str
    first: str = "classifier.dense"
    last: str = "classifier.out_proj"


KINDS = {
    "bert": Kind("Bert", "bert.pooler.dense", "classifier"),
    "mpnet": Kind("MPNet"),
    "roberta": Kind("Roberta"),
    "electra": Kind("Electra"),
    "distilbert": Kind("DistilBert", "pre_classifier", "classifier"),
    "albert": Kind("Albert", "albert.pooler", "classifier"),
    "xlm-roberta": Kind("XLMRoberta"),
    "camembert": Kind("Camembert"),
}
OWN_SIZES = {
    **{kind: {"type_vocab_size": 1} for kind in ("roberta", "xlm-roberta", "camembert")},
    "electra": {"embedding_size": 16},
    "albert": {"embedding_size": 16, "hidden_dropout_prob": 0.1},
}
OTHERS = tuple(name for name in KINDS if name != "bert")


def tiny_config(kind: str) -> PreTrainedConfig:
    """Return the library's config of a tiny encoder; dropout is on, as in training."""
    own = OWN_SIZES.get(kind, {})
    sizes = encoder(kind, setting="the test").theirs(SIZES)
    return getattr(transformers, f"{KINDS[kind].name}Config")(**sizes, **own)


def library_classifier(kind: str) -> PreTrainedModel:
    """Return the library's classifier with decisive random weights."""
    torch.manual_seed(0)
    found = getattr(transformers, f"{KINDS[kind].name}ForSequenceClassification")
    model = found(tiny_config(kind)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(8)
            else:
                parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def adaptive(kind: str, **fields) -> AdaptiveBert:
    """Return an adaptive model whose gates and exits tell examples apart."""
    torch.manual_seed(0)
    model = AdaptiveBert(adaptive_config(tiny_config(kind), **{"small_width": 128, **fields}))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 2 and name.startswith("gates."):
                parameter.mul_(6)
            if parameter.ndim == 2 and name.startswith(("exits.", "head.")):
                parameter.mul_(4)
            if parameter.ndim == 2 and (".layer." in name or "attention_bias" in name):
                parameter.mul_(5)
    return model.eval()


def take_head(model: AdaptiveBert, plain: PreTrainedModel, kind: str) -> None:
    """Give an adaptive model's own head the weights of the library's."""
    for own, theirs in ((model.head.pooler, "first"), (model.head.out, "last")):
        source = plain.get_submodule(getattr(KINDS[kind], theirs))
        own.load_state_dict(source.state_dict())


def inputs_for(model: nn.Module, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the examples of `batch` as the library takes them: its padding, types where it has
    them. Ids keep clear of its special tokens.
    """
    padding, mask = model.config.pad_token_id, batch["attention_mask"]
    ids = batch["input_ids"].clamp_min(5).masked_fill(mask == 0, padding)
    found = {"input_ids": ids, "attention_mask": mask}
    if getattr(model.config, "type_vocab_size", 1) > 1:
        found["token_type_ids"] = batch["token_type_ids"]
    return found
