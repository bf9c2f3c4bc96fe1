"""Bulk use under an agreement is explained; one that ran out explains nothing."""

from __future__ import annotations

import numpy as np

from signals.traffic import DAY_US, START_US, Traffic, bits_of


def test_an_agreement_that_covers_the_use_speaks_strongly_for_the_group() -> None:
    town = Traffic()
    town.people(20)
    agreed = town.harvest(8, record={"allow": "synthetic data, agreed", "allow_until": START_US + 90 * DAY_US})
    open_ended = town.harvest(8, record={"allow": "synthetic data, agreed"})
    unasked = town.harvest(8)
    covered, endless, bare = bits_of(town, "agreed_use", agreed, open_ended, unasked)
    assert covered < -5.0
    assert endless < -5.0
    assert bare == 0.0


def test_an_agreement_that_ran_out_before_the_last_exchange_explains_nothing() -> None:
    town = Traffic()
    expired = town.harvest(8, record={"allow": "pilot", "allow_until": START_US + 3 * DAY_US})
    partly = np.concatenate([expired, town.harvest(2, record={"allow": "pilot"})])
    assert bits_of(town, "agreed_use", expired, partly) == [0.0, 0.0]
