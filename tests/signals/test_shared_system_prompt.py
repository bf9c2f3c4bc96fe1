"""A system prompt of a group's own is seen; a published one is not."""

from __future__ import annotations

from signals.traffic import Traffic, bits_of


def test_one_hidden_system_prompt_is_seen_and_own_ones_are_not() -> None:
    town = Traffic()
    people = town.accounts(60)
    for account in people.tolist():
        town.send(account, town.by_life(40), system=account + 1000)
    ring = town.harvest(20, system=5, system_opening=5)
    seen, own = bits_of(town, "shared_system_prompt", ring, people[:20])
    assert seen > 1.0
    assert own < 0.0


def test_a_published_system_prompt_of_a_popular_assistant_weighs_little() -> None:
    town = Traffic()
    fleet = town.people(80, system=5, system_opening=5)
    town.people(40)
    assert bits_of(town, "shared_system_prompt", fleet[:20])[0] < 0.5
