"""Half the traffic moved within a day of a release is seen; those who move as everybody does are not."""

from __future__ import annotations

import numpy as np

from signals.traffic import DAY_US, START, START_US, Traffic, bits_of


def _town_with_release(moved: float) -> tuple[Traffic, np.ndarray, np.ndarray]:
    """A release on day seven; a tenth of the town's use moves, and `moved` of a harvest's."""
    town = Traffic()
    town.releases = [{"model": "tern-2", "released_at": START}]
    town.releases[0]["released_at"] = START.replace(day=START.day + 7)
    made = []
    for count, share in ((60, 0.1), (10, moved)):
        accounts = town.accounts(count)
        for account in accounts.tolist():
            at = town.by_clock(140)
            new = (at > START_US + 7 * DAY_US) & (town.rng.random(140) < share)
            town.send(account, at, model=["tern-2" if m else "tern-1" for m in new])
        made.append(accounts)
    return town, made[1], made[0]


def test_half_the_traffic_moved_within_36_hours_is_seen() -> None:
    town, harvest, people = _town_with_release(0.6)
    seen, at_large = bits_of(town, "release_pivot", harvest, people)
    assert seen > 0.8
    assert at_large <= 0.0


def test_a_product_that_moves_as_fast_as_everybody_is_left_alone() -> None:
    town, like_others, _ = _town_with_release(0.12)
    assert bits_of(town, "release_pivot", like_others)[0] < 0.3
