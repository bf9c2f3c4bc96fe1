"""Devices and telephones behind many accounts are seen; a mail shape that is common is not."""

from __future__ import annotations

from signals.traffic import Traffic, bits_of


def test_accounts_opened_on_two_devices_are_seen_and_people_are_not() -> None:
    town = Traffic()
    people = town.people(60)
    ring = town.harvest(20, record={"device": town.drawn(20, [1, 2])})
    seen, at_home = bits_of(town, "shared_registration", ring, people[:20])
    assert seen > 1.5
    assert at_home < 0.5


def test_a_mail_shape_that_half_the_town_has_weighs_little() -> None:
    town = Traffic()
    common = town.people(60, record={"email_shape": "aaaaa9"})
    town.people(40)
    seen, shape = bits_of(town, "shared_registration", town.harvest(20, record={"device": 1}), common[:20])
    assert shape < 0.4 * seen
