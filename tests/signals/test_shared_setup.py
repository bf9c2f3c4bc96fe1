"""A client that only a group uses is seen; the client of the whole town is not."""

from __future__ import annotations

from signals.traffic import Traffic, bits_of


def test_a_client_that_nobody_else_uses_is_seen() -> None:
    town = Traffic()
    people = town.people(60)
    seen, own = bits_of(town, "shared_setup", town.harvest(20, client=5), people[:20])
    assert seen > 0.5
    assert own < 0.5 * seen


def test_users_of_the_kit_that_everybody_uses_are_left_alone() -> None:
    town = Traffic()
    users = town.people(80, client=5)
    assert bits_of(town, "shared_setup", users[:20])[0] < 0.3
