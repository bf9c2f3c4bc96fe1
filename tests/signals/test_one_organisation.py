"""One known organisation explains what its accounts share; a shell explains little, strangers nothing."""

from __future__ import annotations

from signals.traffic import Traffic, bits_of


def test_a_verified_organisation_is_explained_more_than_an_unverified_one_and_strangers_not_at_all() -> None:
    town = Traffic()
    town.people(60)
    company = town.harvest(10, record={"org": 5, "verification": "business", "kind": "enterprise"})
    shell = town.harvest(10, record={"org": 6, "verification": "email"})
    strangers = town.harvest(10)
    verified, unverified, none = bits_of(town, "one_organisation", company, shell, strangers)
    assert verified < -3.0
    assert -2.5 < unverified < -0.5
    assert none == 0.0


def test_subsidiaries_are_explained_and_a_few_rented_mail_domains_are_not() -> None:
    town = Traffic()
    town.people(60)
    sisters = town.harvest(10, record={"org": [5] * 6 + [6] * 4, "verification": "business"})
    rented = town.harvest(10, record={"email_domain": [901] * 4 + [902] * 3 + [903] * 3})
    explained, not_at_all = bits_of(town, "one_organisation", sisters, rented)
    assert explained < -3.0
    assert not_at_all == 0.0


def test_a_mail_provider_that_everybody_uses_is_no_organisation() -> None:
    town = Traffic()
    town.people(60)
    same_mail_host = town.harvest(10, record={"verification": "identity", "email_domain": 77})
    own_domain = town.harvest(2, record={"verification": "identity", "email_domain": 78})
    assert bits_of(town, "one_organisation", same_mail_host)[0] == 0.0
    assert bits_of(town, "one_organisation", own_domain)[0] < -3.0
