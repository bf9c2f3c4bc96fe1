"""A few cards behind many accounts are seen; a couple with one card is not."""

from __future__ import annotations

import numpy as np

from signals.traffic import Traffic, bits_of


def test_twenty_accounts_on_three_cards_are_seen() -> None:
    town = Traffic()
    town.people(60)
    cards = town.drawn(20, [1, 2, 3])
    assert bits_of(town, "shared_payment", town.harvest(20, record={"payment": cards}))[0] > 1.5


def test_a_couple_with_one_card_in_a_group_of_twenty_says_little() -> None:
    town = Traffic()
    town.people(60)
    couple = town.people(2, record={"payment": 9})
    own_cards = town.people(18)
    mixed, own = bits_of(town, "shared_payment", np.concatenate([couple, own_cards]), own_cards)
    assert mixed < 0.5
    assert own < 0.0
