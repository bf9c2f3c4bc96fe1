"""Virtual cards without verification are seen; a town on credits is not held against anybody."""

from __future__ import annotations

from signals.traffic import Traffic, bits_of


def test_virtual_cards_with_no_verification_are_seen_and_verified_firms_spoken_for() -> None:
    town = Traffic()
    town.people(60)
    ring = town.people(15, record={"payment_kind": "virtual_card", "verification": "none"})
    firms = town.people(15, record={"payment_kind": "invoice", "verification": "business"})
    hidden, known = bits_of(town, "signup_payment_irregularity", ring, firms)
    assert hidden > 1.0
    assert known < -0.5


def test_a_hackathon_on_credits_in_a_town_on_credits_is_left_alone() -> None:
    town = Traffic()
    everybody = town.people(60, record={"payment_kind": "credits", "verification": "email"})
    assert bits_of(town, "signup_payment_irregularity", everybody[:20])[0] <= 0.0
