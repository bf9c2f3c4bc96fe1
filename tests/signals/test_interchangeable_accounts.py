"""Where a balancer deals, nothing in an account is its own; people's prompts resemble themselves."""

from __future__ import annotations

import numpy as np

from signals.traffic import Traffic, bits_of, groups
from stillwatch.signals import measure


def test_accounts_dealt_from_one_queue_are_seen_and_people_are_not() -> None:
    town = Traffic()
    people = town.people(60)
    bare = town.accounts(20)
    for account in bare.tolist():
        town.send(account, town.by_clock(60), topic=town.topics(60, 12345))
    dealt, own = bits_of(town, "interchangeable_accounts", bare, people)
    assert dealt > 1.0
    assert own < -0.3


def test_a_frame_round_every_prompt_leaves_less_to_say() -> None:
    town = Traffic()
    town.people(60)
    assert 0.4 < bits_of(town, "interchangeable_accounts", town.harvest(20))[0] < 1.0


def test_an_app_whose_users_keep_their_own_matters_is_left_alone() -> None:
    town = Traffic()
    town.people(60)
    users = town.people(20, system=9, system_opening=9, opening=5, tools=3)
    assert bits_of(town, "interchangeable_accounts", users)[0] < 0.0


def test_where_nobody_knows_what_is_usual_it_cannot_be_asked() -> None:
    town = Traffic()
    dealt = town.harvest(12)
    assert np.isnan(measure(groups(town.book(), dealt))["interchangeable_accounts"].statistic[0])
