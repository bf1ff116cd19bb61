"""CamemBERT: RoBERTa in French, with a vocabulary of its own."""

from smartbert.encoders.record import Encoder, OwnHead

ENCODER = Encoder(
    model_type="camembert",
    model="CamembertModel",
    head=OwnHead("tanh", drops_first=True),
    options={"add_pooling_layer": False},
    token_types=False,
    reserved=2,
)
