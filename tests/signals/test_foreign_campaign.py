"""Accounts that carry one foreign campaign's templates are tied; users of an app that everybody uses are not."""

from __future__ import annotations

from signals.traffic import Traffic, bits_of


def test_accounts_of_one_foreign_campaign_are_tied_and_people_are_not() -> None:
    town = Traffic()
    people, ring = town.people(60), town.harvest(8)
    town.told_by_others(town.templates[0])
    tied, others = bits_of(town, "foreign_campaign", ring, people[:8])
    assert tied > 1.2
    assert others == 0.0


def test_half_of_two_foreign_campaigns_ties_less_than_the_whole_of_one() -> None:
    town = Traffic()
    town.people(60)
    one, two = town.harvest(8), town.harvest(8)
    town.told_by_others(town.templates[0], town.templates[1])
    whole, mixed = bits_of(town, "foreign_campaign", one, [*one[:4], *two[:4]])
    assert 0.0 < mixed < 0.8 * whole


def test_users_of_a_template_that_a_source_took_for_a_campaigns_are_not_tied_where_most_of_the_town_sends_it() -> None:
    town = Traffic()
    town.people(20)
    users = town.people(80)
    template = town.fresh(4, "template")
    for user in users.tolist():
        town.send(user, town.by_life(40), opening=town.drawn(40, template))
    town.told_by_others(template)
    assert bits_of(town, "foreign_campaign", users[:8])[0] == 0.0
