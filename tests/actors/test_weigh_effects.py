"""From an effect to bits: lines through knots, and shares that few observations pull down."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.actors.weigh import careful_share, curve, trust

KNOTS = ((0.0, -0.5), (0.5, 0.0), (1.0, 2.0))


def test_a_curve_goes_through_its_knots_stays_flat_outside_and_is_silent_on_no_number() -> None:
    effect = np.asarray([-9.0, 0.0, 0.25, 0.5, 0.75, 1.0, 9.0, np.nan, np.inf])
    assert curve(effect, KNOTS).tolist() == [-0.5, -0.5, -0.25, 0.0, 1.0, 2.0, 2.0, 0.0, 0.0]


@given(st.floats(-5, 5), st.floats(-5, 5))
def test_a_rising_curve_never_falls(a: float, b: float) -> None:
    low, high = sorted((a, b))
    bits = curve(np.asarray([low, high]), KNOTS)
    assert bits[0] <= bits[1]


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_a_careful_share_is_a_share_and_never_above_the_plain_one(k: int, more: int) -> None:
    n = k + more
    share = careful_share(np.asarray([k]), np.asarray([n]))[0]
    assert 0.0 <= share <= k / max(n, 1) + 1e-12


def test_one_in_one_says_nothing_and_a_thousand_in_a_thousand_nearly_all() -> None:
    share = careful_share(np.asarray([1, 10, 1000]), np.asarray([1, 10, 1000]))
    assert share[0] == 0.0
    assert share[0] < share[1] < share[2]
    assert share[2] > 0.9


def test_trust_grows_to_one_and_stays_there() -> None:
    assert trust(np.asarray([0, 5, 10, 100]), 10).tolist() == [0.0, 0.5, 1.0, 1.0]
