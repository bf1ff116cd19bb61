"""ELECTRA: BERT's layers; a small one widens narrower embeddings by a linear map."""

from smartbert.encoders.record import Encoder, OwnHead

ENCODER = Encoder(
    model_type="electra",
    model="ElectraModel",
    head=OwnHead("gelu", drops_first=True),
    projection="embeddings_project",
)
