"""ALBERT: one layer that is run L times, on narrow embeddings that a linear map widens.

A run of the layer costs what a layer costs, however often its weights are used; skipping one saves
it. What trains for one depth trains for all.
"""

from smartbert.encoders.record import Encoder, OwnHead

ENCODER = Encoder(
    model_type="albert",
    model="AlbertModel",
    head=OwnHead("tanh"),
    options={"add_pooling_layer": False},
    names={"classifier_dropout": "classifier_dropout_prob"},
    projection="encoder.embedding_hidden_mapping_in",
    layers="encoder.albert_layer_groups",
    one_layer=True,
    needs={"num_hidden_groups": 1, "inner_group_num": 1},
    pooler="pooler",
)
