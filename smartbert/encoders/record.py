"""What the suite must know of a type of encoder, and how its record is found.

The library's encoders differ in where their parts are, in what a layer takes, in the names of their
sizes and in the head that they are fine-tuned with. All of it stands in one `Encoder` for each
type; a new type is one more module in this package with a record called `ENCODER`. No torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from smartbert.errors import UserError, unknown

if TYPE_CHECKING:
    from torch import Tensor

# (encoder, hidden (N, T, H)) -> arguments by name. `Any`, here and below: what the library's
# classes have and take is theirs, and no base class says it.
Shared: TypeAlias = "Callable[[Any, Tensor], dict[str, Tensor]]"


_TABLES = "each of its layers maps a table of relative positions, which no cost here counts"
# What no type may have, whatever it is: the library's layers leave out relative positions without a
# word, and a decoder's tokens do not see those after them.
ALL_NEED = {"position_embedding_type": "absolute", "is_decoder": False}
# Types that people ask for, and why they have no record.
REFUSED = {
    "modernbert": "its layers differ in their attention, local or global, and in their positions,"
    " and a norm follows the last one alone, which exits before it would lack",
    "deberta": _TABLES,
    "deberta-v2": _TABLES,
}


def nothing(encoder: object, hidden: object) -> dict[str, Tensor]:
    """Return no further arguments."""
    return {}


@dataclass(frozen=True)
class OwnHead:
    """The head that the type is fine-tuned with: a linear map of one token, an activation, dropout,
    and a linear map to the classes.

    Attributes:
        activation: as the library calls it.
        drops_first: whether dropout comes before the first map, too.
    """

    activation: str
    drops_first: bool = False


@dataclass(frozen=True)
class Encoder:
    """One type of encoder.

    Attributes:
        model_type: the library's name of it, as a backbone's config.json says.
        model: the library's class of the encoder without a head.
        head: its own classification head, which `head: first` asks for.
        options: arguments of that class by which it leaves out what is not used here.
        names: its config's names of what BERT's config calls otherwise, by BERT's.
        embeddings: module that makes h_0 of token ids.
        projection: module that widens h_0 to H, where the encoder has it; it costs T E H
            multiply-adds, E being the config's `embedding_size`.
        layers: the list of layers. A layer takes h and `attention_mask`.
        one_layer: whether that list holds one layer, which is run L times.
        needs: fields of its config that have these values, beside `ALL_NEED`; others are not
            supported.
        shared: what every layer takes beside those; the same for all rows and all layers.
        left_out: beginnings of the names of a backbone's weights that the encoder does not take.
        pooler: the linear map of a backbone's pre-trained pooler, from which BERT's head starts;
            None where the head starts anew.
        token: the token that heads and gates read.
        token_types: whether the embeddings tell the first text from the second.
        reserved: positions of the embeddings that no token ever has.
        fast: the engine's form of it (`serve.encoder_forms.FAST`); None: it runs the library's
            layers on padded rows.
    """

    model_type: str
    model: str
    head: OwnHead
    options: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    embeddings: str = "embeddings"
    projection: str | None = None
    layers: str = "encoder.layer"
    one_layer: bool = False
    needs: Mapping[str, Any] = field(default_factory=dict)
    shared: Shared = nothing
    left_out: tuple[str, ...] = ("pooler.",)
    pooler: str | None = None
    token: Literal["first"] = "first"
    token_types: bool = True
    reserved: int = 0
    fast: str | None = None

    @property
    def loading(self) -> Mapping[str, Any]:
        """Return the arguments to load a backbone with; its pooler comes along where it is used."""
        return {} if self.pooler else self.options

    def ours(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of the type's own config under BERT's names."""
        back = {theirs: ours for ours, theirs in self.names.items()}
        return {back.get(name, name): value for name, value in fields.items()}

    def theirs(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return fields under BERT's names as the type's own config calls them."""
        return {self.names.get(name, name): value for name, value in fields.items()}

    def check(self, fields: Mapping[str, Any], *, setting: str) -> None:
        """Raise UserError if a backbone of the type has what is not supported.

        Args:
            fields: of its config.
            setting: what a user changes to have another one.
        """
        for name, value in {**ALL_NEED, **self.needs}.items():
            if (said := fields.get(name, value)) != value:
                raise UserError(
                    f"{self.model_type} with {name} {said}: only {value} is supported; set"
                    f" {setting} to another encoder"
                )

    def embedded(self, fields: Mapping[str, Any]) -> int:
        """Return the width of the embeddings where they are widened to H, else 0; fields under
        BERT's names.
        """
        width = fields.get("embedding_size", fields["hidden_size"]) if self.projection else 0
        return 0 if width == fields["hidden_size"] else width


@cache
def encoders() -> dict[str, Encoder]:
    """Return all records by type."""
    package = import_module(__package__)
    modules = [
        import_module(f"{__package__}.{found.name}") for found in iter_modules(package.__path__)
    ]
    records = [module.ENCODER for module in modules if hasattr(module, "ENCODER")]
    return {record.model_type: record for record in records}


def encoder(model_type: str, *, setting: str) -> Encoder:
    """Return the record of a type.

    Args:
        setting: what a user changes to have another type.

    Raises:
        UserError: naming the known ones.
    """
    if (why := REFUSED.get(model_type)) is not None:
        known = ", ".join(sorted(encoders()))
        raise UserError(
            f"encoder {model_type!r} is not supported: {why}; known: {known}; set by {setting}"
        )
    if model_type not in encoders():
        raise unknown("encoder", model_type, encoders(), setting=setting)
    return encoders()[model_type]
