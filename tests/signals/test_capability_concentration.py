"""One narrow matter over many accounts is seen; people's own matters are not."""

from __future__ import annotations

from signals.traffic import Traffic, bits_of


def test_a_group_that_asks_about_one_narrow_matter_is_seen() -> None:
    town = Traffic()
    people = town.people(40)
    narrow, wide = bits_of(town, "capability_concentration", town.harvest(8), people)
    assert narrow > 0.8
    assert wide < 0.0


def test_a_support_desk_whose_questions_wander_weighs_less_than_a_harvest() -> None:
    town = Traffic()
    town.people(40)
    desk = town.accounts(8)
    for account in desk.tolist():
        town.send(account, town.by_life(60), topic=town.topics(60, 12345, flip=0.38))
    bot, harvest = bits_of(town, "capability_concentration", desk, town.harvest(8))
    assert bot < 0.3
    assert bot < harvest - 0.5
