"""A killed run goes on and ends with the same bytes. The long form is `tests/interrupt.py`."""

import interrupt
import pytest

pytestmark = pytest.mark.slow


def test_a_run_killed_at_random_moments_ends_with_the_same_bytes(tmp_path, capsys):
    interrupt.main(["--kills", "2", "--seed", "3", "--folder", str(tmp_path / "work")])
    assert "files the same after 2 kills in" in capsys.readouterr().out
