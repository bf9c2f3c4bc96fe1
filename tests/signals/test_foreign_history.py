"""Histories full of answers we never gave are seen; one's own answers and few-shot examples are not."""

from __future__ import annotations

import numpy as np

from signals.traffic import Traffic, bits_of


def _talkers(town: Traffic, foreign: float, quoted: int = 80) -> np.ndarray:
    accounts = town.accounts(10)
    for account in accounts.tolist():
        answers = town.fresh(80)
        town.send(account, town.by_clock(80), completion=answers, turns=3, assistant_turns=1)
        cut = int(80 * foreign)
        town.quote(account, np.concatenate([town.fresh(cut), answers[cut:]])[:quoted])
    return accounts


def test_replayed_answers_of_another_model_are_seen() -> None:
    town = Traffic()
    for _ in range(4):
        _talkers(town, 0.05)
    assert bits_of(town, "foreign_history", _talkers(town, 0.95))[0] > 1.5


def test_people_who_edit_a_few_turns_and_fixed_examples_are_left_alone() -> None:
    town = Traffic()
    own, edited, few_shot = _talkers(town, 0.0), _talkers(town, 0.06), _talkers(town, 1.0, quoted=2)
    heard = bits_of(town, "foreign_history", own, edited, few_shot)
    assert heard[0] < 0.0
    assert heard[1] < 0.3
    assert heard[2] == 0.0
