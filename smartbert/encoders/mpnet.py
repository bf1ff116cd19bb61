"""MPNet: BERT's layers with a bias by relative position, which one table gives to all of them.

The bias is looked up and added, so it costs no multiply-add. Positions begin after the padding's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smartbert.encoders.record import Encoder, OwnHead

if TYPE_CHECKING:
    from torch import Tensor


def position_bias(encoder: Any, hidden: Tensor) -> dict[str, Tensor]:  # `Any`: see `Shared`
    """Return the bias (1, heads, T, T) of every layer's attention."""
    return {"position_bias": encoder.encoder.compute_position_bias(hidden[:1])}


ENCODER = Encoder(
    model_type="mpnet",
    model="MPNetModel",
    head=OwnHead("tanh", drops_first=True),
    options={"add_pooling_layer": False},
    shared=position_bias,
    token_types=False,
    reserved=2,
)
