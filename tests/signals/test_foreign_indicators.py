"""Who fills templates that another provider saw is seen; who writes own words, or tries two, is left alone."""

from __future__ import annotations

import numpy as np

from signals.traffic import Traffic, bits_of, groups
from stillwatch.actors.view import View
from stillwatch.signals import measure


def _told(**more: float) -> tuple[Traffic, np.ndarray, np.ndarray]:
    town = Traffic()
    people, ring = town.people(40), town.harvest(8)
    town.told_by_others(town.templates[0], **more)
    return town, people, ring


def test_accounts_that_fill_a_foreign_campaigns_templates_are_seen_and_people_are_not() -> None:
    town, people, ring = _told()
    seen, others = bits_of(town, "foreign_indicators", ring, people)
    assert seen > 1.0
    assert others == 0.0


def test_a_researcher_who_tried_two_of_the_templates_is_left_alone() -> None:
    town, _, ring = _told()
    (curious,) = town.accounts(1)
    town.send(curious, town.by_life(40))
    town.send(curious, town.by_life(2), opening=town.templates[0][:2])
    assert bits_of(town, "foreign_indicators", [curious], ring)[0] == 0.0


def test_an_unsure_source_weighs_less() -> None:
    sure = bits_of(_told(confidence=0.9)[0], "foreign_indicators", list(range(40, 48)))[0]
    unsure = bits_of(_told(confidence=0.1)[0], "foreign_indicators", list(range(40, 48)))[0]
    assert 0.0 < unsure < 0.7 * sure


def test_without_indicators_it_is_not_evaluable() -> None:
    town = Traffic()
    people = town.people(10)
    book = town.book()
    for view in (View(book), groups(book, people)):
        opinion = measure(view)["foreign_indicators"]
        assert np.isnan(opinion.statistic).all() and (opinion.bits == 0.0).all()


def test_by_itself_it_is_bounded_far_below_what_a_verdict_takes() -> None:
    town, _, ring = _told(confidence=1.0)
    assert bits_of(town, "foreign_indicators", ring)[0] <= 1.6
