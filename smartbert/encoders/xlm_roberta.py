"""XLM-RoBERTa: RoBERTa in a hundred languages, with a vocabulary of its own."""

from smartbert.encoders.record import Encoder, OwnHead

ENCODER = Encoder(
    model_type="xlm-roberta",
    model="XLMRobertaModel",
    head=OwnHead("tanh", drops_first=True),
    options={"add_pooling_layer": False},
    token_types=False,
    reserved=2,
)
