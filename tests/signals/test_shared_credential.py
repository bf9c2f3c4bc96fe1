"""One key under many accounts is seen; two accounts with one key in twenty are not."""

from __future__ import annotations

from signals.traffic import Traffic, bits_of


def test_keys_that_wander_between_accounts_are_seen() -> None:
    town = Traffic()
    town.people(40)
    ring = town.accounts(20)
    keys = town.fresh(5)
    for account in ring.tolist():
        town.send(account, town.by_clock(40), key=town.drawn(40, keys))
    assert bits_of(town, "shared_credential", ring)[0] > 1.5


def test_a_team_key_in_two_of_twenty_accounts_says_little() -> None:
    town = Traffic()
    people = town.people(40)
    for account in people[:2].tolist():
        town.send(account, town.by_life(20), key=99)
    assert bits_of(town, "shared_credential", people[:20])[0] < 0.5
