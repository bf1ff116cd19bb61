"""Thresholds go with the weights that they were chosen for, or with those that these left as they
were.
"""

from dataclasses import replace

import pytest
from configs import merged
from made_up_kept import provenance
from made_up_model import tuned

from smartbert.errors import UserError
from workflow.scripts.common import same_weights

OWN = replace(provenance(merged(), "skip_only"), weights="own", parent=None)


@pytest.mark.parametrize(
    ("chosen", "weights", "parent", "fits"),
    [
        ("own", None, None, True),
        ("other", None, None, False),
        ("after", "after", "own", True),  # recorded in its place: it goes on from these weights
        ("after", "after", "another", False),
        ("own before it was trained again", "after", "own", False),
    ],
)
def test_thresholds_go_with_their_weights(chosen, weights, parent, fits, tmp_path):
    said = tuned("rte")
    member = replace(said.members["smartbert"], model=chosen)
    said = replace(said, members={"skip_only": member})
    read = []
    if weights:
        read = [tmp_path / "provenance.json"]
        replace(OWN, method="smartbert", weights=weights, parent=parent).write(read[0])
    if fits:
        same_weights(said, "skip_only", OWN, read)
        return
    with pytest.raises(UserError, match="were chosen on kept traces of other weights than skip"):
        same_weights(said, "skip_only", OWN, read)
