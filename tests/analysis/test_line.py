"""Curves read by straight lines: by hand, and against a dense sum."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartbert.analysis.line import Line

NAN = float("nan")
FLOOR = 50.0  # score of the majority class


def line(*settings: tuple[float, float], floor: float = FLOOR) -> Line:
    """Return the line through settings (cost, score) in one draw."""
    cost, score = np.array(settings, dtype=float).reshape(1, -1, 2).transpose(2, 0, 1)
    return Line.through(cost, score, np.array([floor]))


def at(own: Line, *costs: float) -> list[float]:
    return own.at(np.array(costs))[0].tolist()


def test_between_two_settings_a_coin_reaches_every_cost():
    own = line((0.4, 70), (0.8, 90))
    assert at(own, 0.4, 0.5, 0.6, 0.8) == pytest.approx([70, 75, 80, 90])


def test_below_the_cheapest_it_is_tossed_with_the_majority_class_and_beyond_the_dearest_flat():
    own = line((0.4, 70), (0.8, 90))
    assert at(own, 0.0, 0.1, 0.2) == pytest.approx([50, 55, 60])
    assert at(own, 0.9, 1.0, 2.0) == pytest.approx([90, 90, 90])


def test_settings_are_sorted_by_their_cost_on_test():
    assert at(line((0.8, 90), (0.4, 70)), 0.2, 0.6) == pytest.approx([60, 80])


def test_a_curve_that_falls_is_read_as_it_is():
    own = line((0.4, 80), (0.6, 60), (0.8, 90))
    assert at(own, 0.5, 0.6, 0.7) == pytest.approx([70, 60, 75])


def test_settings_of_one_cost_make_a_step():
    own = line((0.5, 60), (0.5, 80), (1.0, 80))
    assert at(own, 0.25, 0.75) == pytest.approx([55, 80])
    assert own.mean(0.0, 0.5)[0] == pytest.approx(55) and own.mean(0.5, 1.0)[0] == pytest.approx(80)


def test_what_a_draw_lacks_changes_nothing():
    whole, lacking = line((0.4, 70), (0.8, 90)), line((NAN, NAN), (0.8, 90), (0.4, 70), (NAN, NAN))
    costs = np.linspace(0, 1.2, 49)
    assert lacking.at(costs) == pytest.approx(whole.at(costs))
    assert lacking.mean(0.25, 1.0) == pytest.approx(whole.mean(0.25, 1.0))
    assert np.isfinite(lacking.cost).all() and np.isfinite(lacking.score).all()


def test_draws_are_lines_of_their_own():
    cost = np.array([[0.4, 0.8], [0.8, NAN]])
    score = np.array([[70.0, 90.0], [90.0, NAN]])
    own = Line.through(cost, score, np.array([50.0, 40.0]))
    assert own.at(np.array([0.4, 1.0])) == pytest.approx(np.array([[70, 90], [65, 90]]))
    assert own.mean(0.8, 1.0) == pytest.approx([90, 90])


def test_means_by_hand():
    assert line((0.25, 60), (1.0, 90)).mean(0.25, 1.0)[0] == pytest.approx(75)
    # Half of the range rises from 60 to 80, half is flat.
    assert line((0.25, 60), (0.625, 80)).mean(0.25, 1.0)[0] == pytest.approx((70 + 80) / 2)
    # A setting dearer than the range is read on the way to it.
    assert line((2.0, 90)).mean(0.25, 1.0)[0] == pytest.approx(FLOOR + 40 * 0.625 / 2)


@given(
    st.lists(
        st.tuples(st.floats(0.01, 1.5), st.floats(0, 100), st.booleans()), min_size=1, max_size=8
    ),
    st.floats(0, 60),
)
def test_the_mean_is_that_of_the_readings(settings, floor):
    settings = [(NAN, NAN) if lost else (cost, score) for cost, score, lost in settings]
    own = line(*settings, floor=floor)
    steps = 20_000
    costs = 0.25 + 0.75 * (np.arange(steps) + 0.5) / steps
    # Where two settings are at nearly one cost the sum misses the step between them.
    assert own.mean(0.25, 1.0)[0] == pytest.approx(own.at(costs).mean(), abs=0.02)
