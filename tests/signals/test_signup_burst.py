"""Accounts opened in one night are seen; sign-ups on a launch day that everybody joined are not."""

from __future__ import annotations

from signals.traffic import DAY_US, HOUR_US, START_US, Traffic, bits_of


def test_twenty_accounts_opened_within_hours_are_seen() -> None:
    town = Traffic()
    people = town.people(80)
    night = START_US - 30 * DAY_US + town.rng.integers(0, 20, 20) * HOUR_US
    ring, spread = bits_of(town, "signup_burst", town.harvest(20, record={"created_at": night}), people[:20])
    assert ring > 1.0
    assert spread < 0.2


def test_customers_of_a_launch_day_that_half_the_town_joined_weigh_little() -> None:
    town = Traffic()
    launch = START_US - 30 * DAY_US + town.rng.integers(0, 24, 80) * HOUR_US
    joined = town.people(80, record={"created_at": launch})
    town.people(20)
    assert bits_of(town, "signup_burst", joined[:20])[0] < 0.3
