"""Kinds of head: the names that config, model, cost and records share, what older files call them,
and which of them go together.

`first` is a pooler, dropout and a linear map on the first token (of an encoder that is no BERT, its
own classification head); `mean` is the same on the mean of the tokens; `attention` is SmartBERT's
classifier (docs/methods.md, section 6). No torch.
"""

from __future__ import annotations

from collections.abc import Mapping

from smartbert.errors import UserError

FIRST, MEAN, ATTENTION = HEAD_KINDS = ("first", "mean", "attention")
POOLED = (FIRST, MEAN)  # kinds that have a pooler
OLD_SHARED = "shared_pooler"  # exits on the final head's pooler, in older files
OLD_KINDS = {"pooler": FIRST, OLD_SHARED: FIRST}


def renamed(values: Mapping[str, object]) -> dict[str, object]:
    """Return values with the kinds that `exits` and `head` name under today's names."""
    said = {key: values[key] for key in ("exits", "head") if key in values}
    return {**values, **{k: OLD_KINDS.get(v, v) for k, v in said.items() if isinstance(v, str)}}


def check_contrast(exits: str, eta: float, *, entry: str = "<entry>") -> None:
    """Raise UserError if exits are to be contrasted that are no attention heads."""
    if eta and exits != ATTENTION:
        raise UserError(
            f"`exits: {exits}` of methods.{entry} cannot be contrasted, only attention heads can;"
            f" set `methods.{entry}.eta` to 0, or `methods.{entry}.exits` to {ATTENTION}"
        )


def check_shared(exits: str, head: str, *, entry: str = "<entry>") -> None:
    """Raise UserError if exits are to share a pooler that the final head has not."""
    if exits in POOLED and exits != head:
        raise UserError(
            f"`exits: {exits}` of methods.{entry} share the final head's pooler, which `head:"
            f" {head}` has not; set `methods.{entry}.head` to {exits}"
        )


def check_continued(part: str, own: str | None, parents: str | None, *, entry: str) -> None:
    """Raise UserError if a model goes on from one whose heads are of another kind.

    Args:
        part: "head" or "exits".
        own, parents: their kinds; None: one of the two has none.
    """
    if own and parents and own != parents:
        raise UserError(
            f"`{part}` of methods.{entry} is {own}, and {parents} in the model that it continues;"
            f" set `methods.{entry}.{part}` to {parents}, or `methods.{entry}.continues` to an"
            f" entry with `{part}: {own}`"
        )
