"""What rivals of the matched family have alike: the kinds of their heads."""

from smartbert.methods.contract import Settings

HEAD: Settings = {"head": "attention"}  # of models without exits
HEADS: Settings = {"exits": "attention", **HEAD}
