"""RoBERTa: BERT's layers; positions begin after the padding's, and texts have no types."""

from smartbert.encoders.record import Encoder, OwnHead

ENCODER = Encoder(
    model_type="roberta",
    model="RobertaModel",
    head=OwnHead("tanh", drops_first=True),
    options={"add_pooling_layer": False},
    token_types=False,
    reserved=2,
)
