"""Many refused wordings are seen; a moderation test that repeats itself is not."""

from __future__ import annotations

import numpy as np

from signals.traffic import Traffic, bits_of


def _asks(town: Traffic, refused: float, prompts: int | None = None) -> np.ndarray:
    accounts = town.accounts(6)
    for account in accounts.tolist():
        finish = ["refusal" if r else "stop" for r in town.rng.random(60) < refused]
        words = town.fresh(60) if prompts is None else town.drawn(60, np.arange(prompts))
        town.send(account, town.by_clock(60), finish_reason=finish, prompt=words)
    return accounts


def test_ever_new_wordings_that_are_mostly_refused_are_seen() -> None:
    town = Traffic()
    town.people(120)
    assert bits_of(town, "bypass_search", _asks(town, 0.7))[0] > 1.5


def test_a_moderation_test_with_a_fixed_list_and_a_doctor_are_left_alone() -> None:
    town = Traffic()
    town.people(120)
    fixed_list, sensitive_trade = bits_of(town, "bypass_search", _asks(town, 0.7, prompts=12), _asks(town, 0.04))
    assert fixed_list < 0.5
    assert sensitive_trade < 0.5
