"""Accounts replaced within hours are seen; ordinary coming and going is not."""

from __future__ import annotations

import numpy as np

from signals.traffic import Traffic, bits_of


def _relieved(town: Traffic, on_one_day: bool) -> np.ndarray:
    """Ten accounts end and ten begin: all on day six, or each on a day of its own."""
    old, new = town.accounts(10), town.accounts(10)
    for a, b in zip(old.tolist(), new.tolist(), strict=True):
        day = 6.0 if on_one_day else float(town.rng.uniform(2.5, 11.5))
        other = 6.2 if on_one_day else float(town.rng.uniform(2.5, 11.5))
        town.send(a, town.by_clock(60, days=day))
        town.send(b, town.by_clock(60, first_day=other))
    return np.concatenate([old, new])


def test_accounts_that_take_over_within_hours_are_seen() -> None:
    town = Traffic()
    people = town.people(100)
    seen, at_home = bits_of(town, "succession", _relieved(town, True), people[:20])
    assert seen > 0.8
    assert at_home < 0.3


def test_coming_and_going_over_weeks_weighs_less() -> None:
    town = Traffic()
    town.people(100)
    seen, churn = bits_of(town, "succession", _relieved(town, True), _relieved(town, False))
    assert churn < 0.4 * seen
