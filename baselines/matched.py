"""What rivals of the matched family have alike: the kinds of their heads, and a rate of the heads'
own.
"""

from collections.abc import Mapping

from smartbert.methods.contract import Settings

HEAD: Settings = {"head": "attention"}  # of models without exits
HEADS: Settings = {"exits": "attention", **HEAD}


def rates(settings: Settings, *parts: str) -> Mapping[str, float]:
    """Return the learning rate of new parts, by the prefix of their parameters' names; none where
    they train as the encoder does.
    """
    own = settings["head_rate"]
    return {} if own is None else dict.fromkeys(parts, float(own))
