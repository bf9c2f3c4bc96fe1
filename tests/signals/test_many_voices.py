"""Conversations of many people on accounts that never sleep; one talkative person sleeps."""

from __future__ import annotations

from signals.traffic import Traffic, bits_of


def test_human_conversations_by_day_and_night_are_seen() -> None:
    town = Traffic()
    town.people(40)
    pool = town.accounts(10)
    for account in pool.tolist():
        n = 120
        town.send(account, town.by_clock(n), turns=5, assistant_turns=2, history=town.fresh(n, "history"))
    assert bits_of(town, "many_voices", pool)[0] > 1.0


def test_people_who_talk_all_day_and_sleep_are_left_alone() -> None:
    town = Traffic()
    assert bits_of(town, "many_voices", town.people(40, each=120))[0] < 0.5


def test_a_queue_of_single_questions_has_no_voices() -> None:
    town = Traffic()
    town.people(40)
    assert bits_of(town, "many_voices", town.harvest(20))[0] == 0.0
