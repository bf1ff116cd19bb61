"""Two runs in two folders, one with another number of cores and jobs that load their packages
themselves, end with the same tables.
"""

import pytest
from flow import SMALL, Run, differing

pytestmark = pytest.mark.slow

TABLES = ("*.csv", "glue.md", "claims.md")
QUICK = {"tuning": {"trials": 60}, "methods": {name: {"epochs": 1} for name in SMALL["compare"]}}


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> list[dict[str, str]]:
    """What a run on two cores and a run on one wrote."""
    found = []
    for cores in (2, 1):
        own = {"resources": {"preload": cores == 2}}
        run = Run(tmp_path_factory.mktemp(f"cores{cores}"), {**SMALL, **QUICK, **own})
        run.call(cores=cores)
        found.append(run.hashes(*run.kept, *TABLES))
    return found


def test_folders_cores_and_preloading_change_no_number(runs):
    first, second = runs
    assert not differing(first, second)
    names = {name.rsplit("/", 1)[-1] for name in first}
    assert {"glue.csv", "claims.csv", "history.csv", "trials.csv", "draws.csv"} <= names
    assert sum(name.endswith("model.safetensors") for name in first) == 4  # the backbone's too
