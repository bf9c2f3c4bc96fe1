"""What signals say is read by people who have no other words for it: of one, of many, and of all pairs."""

from __future__ import annotations

import numpy as np

from campaigns.test_hunting import _hunted
from stillwatch.actors.clock import unevenness_text
from stillwatch.actors.opinion import opinion_on_sharing
from stillwatch.actors.view import as_one
from stillwatch.signals import all_signals

OF_PAIRS = ("capability_concentration", "hour_synchrony")


def test_of_one_account_no_signal_speaks_as_of_several() -> None:
    opinions = _hunted()[0].scores.opinions
    spoken = 0
    for name, opinion in opinions.items():
        for i in np.flatnonzero(np.isfinite(opinion.statistic) & (np.abs(opinion.bits) >= 0.4))[:20].tolist():
            spoken += 1
            assert "accounts show" not in opinion.says(i) and "Its accounts" not in opinion.says(i), name
            assert "Its new accounts" not in opinion.says(i), name
    assert spoken > 50


def test_what_is_a_mean_over_all_pairs_says_so() -> None:
    opinions = _hunted()[0].weighed.opinions
    for name in OF_PAIRS:
        opinion = opinions[name]
        told = np.flatnonzero(np.isfinite(opinion.statistic))
        assert len(told), name
        says = opinion.says(int(told[0]))
        assert "all pairs" in says and "on average" in says, says


def test_a_flat_clock_is_never_less_than_flat() -> None:
    assert [unevenness_text(value) for value in (-0.004, -0.2, -0.0, 0.114)] == ["0.00", "0.00", "0.00", "0.11"]


def test_a_lift_beyond_what_is_counted_says_more_than() -> None:
    h = _hunted()[0]
    view = as_one(h.book, [h.reported[0].chosen.candidate.members])
    opinion = opinion_on_sharing(view, {"payment": 0.0}, most_bits=3.0)
    lift = opinion.facts(0)["payment_lift"]
    words = "more than 99,999 times" if lift > 99_999 else f"{lift:,.0f} times"
    assert words in opinion.says(0)


def test_a_share_beside_that_of_others_gives_both_not_a_difference() -> None:
    opinion = _hunted()[0].weighed.opinions["signup_payment_irregularity"]
    told = np.flatnonzero(np.isfinite(opinion.statistic))
    assert "of all others" in opinion.says(int(told[0])) and "%)" not in opinion.says(int(told[0]))
    assert {s.name for s in all_signals()} >= set(OF_PAIRS)
