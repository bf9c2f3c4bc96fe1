"""Accounts that start and stop together are seen; people of one time zone are not."""

from __future__ import annotations

import numpy as np

from signals.traffic import HOUR_US, START_US, Traffic, bits_of


def _switched(town: Traffic, count: int, shared: bool) -> np.ndarray:
    """Accounts that work in some forty hours of the fortnight: the same hours, or each its own."""
    accounts = town.accounts(count)
    on = town.rng.choice(14 * 24, 40, replace=False)
    for account in accounts.tolist():
        hours = on if shared else town.rng.choice(14 * 24, 40, replace=False)
        at = START_US + (town.drawn(80, hours) + town.rng.random(80)) * HOUR_US
        town.send(account, at.astype(np.int64))
    return accounts


def test_accounts_that_pause_and_surge_in_the_same_hours_are_seen() -> None:
    town = Traffic()
    together, apart = _switched(town, 20, True), _switched(town, 20, False)
    seen, own_hours = bits_of(town, "hour_synchrony", together, apart)
    assert seen > 0.8
    assert own_hours < 0.3


def test_of_a_long_store_the_newest_weeks_are_looked_at() -> None:
    town = Traffic()
    witness = town.accounts(1)
    town.send(int(witness[0]), np.asarray([START_US - 150 * 24 * HOUR_US]))
    assert bits_of(town, "hour_synchrony", _switched(town, 20, True))[0] > 0.8


def test_people_of_one_time_zone_are_left_alone() -> None:
    town = Traffic()
    office = town.people(30)
    assert bits_of(town, "hour_synchrony", office)[0] < 0.4
