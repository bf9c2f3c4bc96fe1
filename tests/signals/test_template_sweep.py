"""Templates filled from a list are seen; people and a health check are not."""

from __future__ import annotations

from signals.traffic import Traffic, bits_of


def test_templates_filled_from_a_list_are_seen_and_own_words_are_spoken_for() -> None:
    town = Traffic()
    filled, own = bits_of(town, "template_sweep", town.harvest(10), town.people(20))
    assert filled > 1.5
    assert own < -0.3


def test_a_health_check_that_always_sends_one_prompt_is_left_alone() -> None:
    town = Traffic()
    check = town.accounts(3)
    for account in check.tolist():
        town.send(account, town.by_clock(300), prompt=1, masked=1, opening=1, closing=1)
    assert bits_of(town, "template_sweep", check)[0] < 0.0
