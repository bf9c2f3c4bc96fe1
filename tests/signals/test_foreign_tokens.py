"""Who holds what a foreign harvest's accounts held is seen; who shares a campus network with it is left alone."""

from __future__ import annotations

import numpy as np

from signals.traffic import Traffic, bits_of, groups
from stillwatch.actors.view import View
from stillwatch.signals import measure


def test_accounts_on_a_foreign_harvests_cards_are_seen_and_people_are_not() -> None:
    town = Traffic()
    people, ring = town.people(40), town.harvest(8)
    town.held_by(ring)
    seen, others = bits_of(town, "foreign_tokens", ring, people)
    assert seen > 0.7
    assert others == 0.0


def test_students_on_a_network_that_the_campaign_used_too_are_left_alone() -> None:
    town = Traffic()
    students, ring = town.people(12), town.harvest(8)
    town.held_by(students, kind="network", n=3)
    town.held_by(ring, kind="phone")
    assert bits_of(town, "foreign_tokens", students, ring)[0] == 0.0


def test_a_network_speaks_beside_a_template_and_two_templates_do_not() -> None:
    town = Traffic()
    ring, users = town.harvest(8), town.people(8)
    town.told_by_others(town.templates[0])
    town.held_by(ring, kind="network")
    town.held_by(users, kind="template", n=2)
    beside, two = bits_of(town, "foreign_tokens", ring, users)
    assert beside > 0.5 and two == 0.0


def test_an_account_that_the_window_does_not_hold_is_nobody_here() -> None:
    town = Traffic()
    people = town.people(10)
    town.held_by([people.max() + 1000])
    assert town.book().foreign.hits().sum() == 0.0


def test_templates_and_tokens_together_weigh_no_more_than_templates_alone_may() -> None:
    from stillwatch.campaigns.weigh import weigh
    from stillwatch.linking.candidate import Candidate

    town = Traffic()
    town.people(40)
    ring = town.harvest(8)
    town.told_by_others(town.templates[0], confidence=1.0)
    town.held_by(ring, confidence=1.0)
    weighed = weigh(town.book(), [Candidate(ring - 0, frozenset(), "")], {})
    together = weighed.bits["foreign_tokens"] + weighed.bits["foreign_indicators"]
    assert 1.2 < together[0] <= 1.6 + 1e-9


def test_tokens_speak_of_one_hand_also_where_no_prompt_is_logged() -> None:
    town = Traffic()
    town.people(40)
    ring = town.harvest(8)
    town.held_by(ring)
    book = town.book(nulls=("prompt",))
    opinions = measure(groups(book, np.arange(40, 48)))
    assert opinions["foreign_campaign"].bits[0] > 1.0
    assert np.isnan(opinions["foreign_indicators"].statistic).all()


def test_without_tokens_it_is_not_evaluable() -> None:
    town = Traffic()
    people, ring = town.people(10), town.harvest(8)
    town.told_by_others(town.templates[0])
    book = town.book()
    for view in (View(book), groups(book, people, ring)):
        opinion = measure(view)["foreign_tokens"]
        assert np.isnan(opinion.statistic).all() and (opinion.bits == 0.0).all()
