"""Told to be another vendor's model: a relay's sign; a persona weighs less."""

from __future__ import annotations

from signals.traffic import CODE, Traffic, bits_of


def test_accounts_that_tell_the_model_it_is_another_vendors_are_seen() -> None:
    town = Traffic()
    harvest = town.harvest(8, patterns=[CODE["identity_replacement"]])
    seen, at_work = bits_of(town, "identity_replacement", harvest, town.people(20))
    assert seen > 2.5
    assert at_work <= 0.0


def test_white_label_personas_weigh_less() -> None:
    town = Traffic()
    harvest = town.harvest(8, patterns=[CODE["identity_replacement"]])
    alike = town.people(8, patterns=[100 + CODE["identity_replacement"]])
    now_and_then = town.people(8)
    town.send(int(now_and_then[0]), town.by_life(3), patterns=[CODE["identity_replacement"]])
    seen, weak_rule, rare = bits_of(town, "identity_replacement", harvest, alike, now_and_then)
    assert weak_rule < 0.8 * seen
    assert rare < 0.3
