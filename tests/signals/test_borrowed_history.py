"""Answers given to one account and quoted by another tie the two together."""

from __future__ import annotations

import numpy as np

from signals.traffic import Traffic, bits_of


def _pool(town: Traffic, share: float) -> np.ndarray:
    """Ten accounts; each quotes answers from day five on, `share` of them its neighbour's."""
    pool = town.accounts(10)
    answers = {int(a): town.fresh(60) for a in pool}
    for i, account in enumerate(pool.tolist()):
        town.send(account, town.by_clock(60), completion=answers[account], turns=3, assistant_turns=1)
        neighbour = answers[int(pool[(i + 1) % len(pool)])]
        cut = int(60 * share)
        town.quote(account, np.concatenate([neighbour[:cut], answers[account][cut:]]))
    return pool


def test_a_pool_that_serves_one_conversation_over_many_accounts_is_seen() -> None:
    town = Traffic()
    assert bits_of(town, "borrowed_history", _pool(town, 0.6))[0] > 1.0


def test_people_who_continue_their_own_conversations_are_left_alone() -> None:
    town = Traffic()
    own, pasted = bits_of(town, "borrowed_history", _pool(town, 0.0), _pool(town, 0.02))
    assert own == 0.0
    assert pasted < 0.3
