"""Conversations in people's own words speak for them; single shots do not."""

from __future__ import annotations

from signals.traffic import Traffic, bits_of


def test_people_in_conversation_are_spoken_for_and_a_harvest_is_not() -> None:
    town = Traffic()
    people, harvest, single = bits_of(
        town, "human_conversation", town.people(30), town.harvest(8), town.people(8, turns=1, assistant_turns=0)
    )
    assert people < -0.8
    assert harvest == 0.0
    assert single == 0.0


def test_a_harvest_with_a_little_decoy_chat_is_hardly_spoken_for() -> None:
    town = Traffic()
    decoy = town.harvest(8)
    for account in decoy.tolist():
        town.send(account, town.by_life(6), turns=5, assistant_turns=2)
    assert bits_of(town, "human_conversation", decoy)[0] > -0.3
