"""What another provider names: a small part of a known harvest is found, an honest app is not."""

from __future__ import annotations

from signals.traffic import RULES, Traffic
from stillwatch.campaigns.calibration import Calibration
from stillwatch.campaigns.hunt import Hunted, hunt


def _hunted(town: Traffic) -> Hunted:
    window = town.window()
    try:
        return hunt(window, RULES, calibration=Calibration.load(), prior=0.2)
    finally:
        window.close()


def test_a_few_accounts_of_a_campaign_that_another_provider_names_are_found_and_alone_they_are_not() -> None:
    found = []
    for told in (False, True):
        town = Traffic(seed=9)
        town.people(120)
        town.harvest(6, 120)
        if told:
            town.told_by_others(town.templates[0])
        found.append([c.chosen.candidate.size for c in _hunted(town).reported])
    assert found == [[], [6]]


def test_a_customers_batch_job_over_four_keys_is_not_accused_by_a_hostile_source_alone() -> None:
    town = Traffic(seed=9)
    town.people(120)
    town.harvest(4, 120)
    town.told_by_others(town.templates[0], confidence=1.0)
    assert not _hunted(town).reported


def test_people_who_use_an_app_that_a_hostile_source_names_are_not_accused() -> None:
    town = Traffic(seed=9)
    town.people(120)
    template = town.fresh(4, "template")
    users = town.people(8)
    for user in users.tolist():
        town.send(user, town.by_life(60), opening=town.drawn(60, template), patterns=[])
    town.told_by_others(template, confidence=1.0)
    hunted = _hunted(town)
    assert not hunted.reported
    assert hunted.scores.p.max() < 0.55
    assert hunted.book.foreign.hits().sum() == 8


def test_without_indicators_small_groups_cost_what_they_always_did() -> None:
    town = Traffic(seed=9)
    town.people(60)
    town.harvest(6, 120)
    hunted = _hunted(town)
    assert hunted.weighed.named.max() == 0.0
    price = Calibration.load().price(hunted.weighed)
    assert price[hunted.weighed.view.size == 6].min() > 4.0


def test_a_few_accounts_on_a_foreign_harvests_cards_are_found_and_four_innocent_keys_on_one_are_not() -> None:
    town = Traffic(seed=9)
    town.people(120)
    town.held_by(town.harvest(6, 120))
    assert [c.chosen.candidate.size for c in _hunted(town).reported] == [6]
    honest = Traffic(seed=9)
    keys = honest.people(124)[:4]
    honest.held_by(keys, confidence=1.0)
    hunted = _hunted(honest)
    assert not hunted.reported
    assert hunted.scores.p.max() < 0.55


def test_a_customers_batch_job_over_four_keys_is_not_accused_by_a_hostile_sources_tokens_and_templates() -> None:
    town = Traffic(seed=9)
    town.people(120)
    keys = town.harvest(4, 120)
    town.told_by_others(town.templates[0], confidence=1.0)
    town.held_by(keys, confidence=1.0)
    assert not _hunted(town).reported
