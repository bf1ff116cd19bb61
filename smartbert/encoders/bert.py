"""BERT, and what is built like it: MiniLM and the Google miniatures are BERTs to the library."""

from smartbert.encoders.record import Encoder, OwnHead

ENCODER = Encoder(
    model_type="bert",
    model="BertModel",
    head=OwnHead("tanh"),
    options={"add_pooling_layer": False},
    pooler="pooler.dense",
    fast="bert",
)
