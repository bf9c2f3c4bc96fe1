"""Templates that only a group sends are seen; one that the whole town uses ties nobody."""

from __future__ import annotations

from signals.traffic import Traffic, bits_of


def test_templates_that_nobody_else_sends_are_seen_and_own_words_are_not() -> None:
    town = Traffic()
    people = town.people(60)
    ring, others = bits_of(town, "shared_content", town.harvest(20), people[:20])
    assert ring > 1.5
    assert others < 0.0


def test_users_of_an_app_whose_template_most_of_the_town_sends_weigh_less() -> None:
    town = Traffic()
    town.people(20)
    users = town.people(80, opening=4242)
    ring, app = bits_of(town, "shared_content", town.harvest(20), users[:20])
    assert app < 0.6 * ring
