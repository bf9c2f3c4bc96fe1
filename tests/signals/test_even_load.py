"""Accounts that a balancer feeds carry one load; people's differ."""

from __future__ import annotations

from signals.traffic import Traffic, bits_of


def test_accounts_with_nearly_one_load_are_seen() -> None:
    town = Traffic()
    people = town.people(60)
    balanced, uneven = bits_of(town, "even_load", town.harvest(20), people)
    assert balanced > 1.5
    assert uneven < 0.3


def test_people_at_one_address_who_work_as_much_as_they_like_are_left_alone() -> None:
    town = Traffic()
    town.people(60)
    office = town.people(20, ip=9, net=9)
    assert bits_of(town, "even_load", office)[0] < 0.5
