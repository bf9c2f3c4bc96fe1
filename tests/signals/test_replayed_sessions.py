"""Stored conversations under several accounts are seen; one few-shot prompt in all of them is not."""

from __future__ import annotations

import numpy as np

from signals.traffic import Traffic, bits_of


def _sends(town: Traffic, histories: np.ndarray) -> np.ndarray:
    accounts = town.accounts(10)
    for account in accounts.tolist():
        town.send(account, town.by_clock(60), turns=3, assistant_turns=1, history=town.drawn(60, histories))
    return accounts


def test_the_same_stored_sessions_in_many_accounts_are_seen() -> None:
    town = Traffic()
    assert bits_of(town, "replayed_sessions", _sends(town, town.fresh(150)))[0] > 2.0


def test_people_and_a_fixed_few_shot_prompt_are_left_alone() -> None:
    town = Traffic()
    people = town.people(20)
    few_shot = _sends(town, town.fresh(2))
    own, fixed = bits_of(town, "replayed_sessions", people, few_shot)
    assert own == 0.0
    assert fixed < 0.5
