"""DistilBERT: six of BERT's layers, under names of its own; texts have no types."""

from smartbert.encoders.record import Encoder, OwnHead

ENCODER = Encoder(
    model_type="distilbert",
    model="DistilBertModel",
    head=OwnHead("relu"),
    names={
        "hidden_size": "dim",
        "num_hidden_layers": "n_layers",
        "num_attention_heads": "n_heads",
        "intermediate_size": "hidden_dim",
        "hidden_act": "activation",
        "hidden_dropout_prob": "dropout",
        "attention_probs_dropout_prob": "attention_dropout",
        "classifier_dropout": "seq_classif_dropout",
    },
    layers="transformer.layer",
    token_types=False,
)
