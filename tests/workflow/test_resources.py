"""The table of what each rule took."""

import pytest

from smartbert.errors import UserError
from workflow.scripts.resources import by_rule


def test_the_largest_job_of_each_rule_counts(tmp_path):
    written = {
        "train/rte-a-1": (90, 1500, 400),
        "train/rte-b-1": (60, 2500, 100),
        "tables": (2, 80, "-"),
    }
    for name, (seconds, memory, disk) in written.items():
        path = tmp_path / "benchmarks" / f"{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"s\tmax_rss\tio_out\n{seconds}\t{memory}\t{disk}\n")
    table = by_rule([tmp_path]).set_index("rule")
    assert table.loc["`train`"].tolist() == [2, 2.5, 400, 90]
    assert table.loc["`tables`", "jobs"] == 1


def test_a_folder_without_measurements_is_named(tmp_path):
    with pytest.raises(UserError, match="holds no measurements; set by --results"):
        by_rule([tmp_path])
