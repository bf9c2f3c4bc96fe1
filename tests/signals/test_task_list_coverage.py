"""Items dealt from one queue are seen; a class that gets the same exercises is spoken for."""

from __future__ import annotations

from signals.traffic import Traffic, bits_of


def test_one_kind_of_prompt_but_never_the_same_item_is_seen() -> None:
    town = Traffic()
    dealt, wandering = bits_of(town, "task_list_coverage", town.harvest(10), town.people(20))
    assert dealt > 0.9
    assert wandering <= 0.0


def test_a_class_that_sends_the_same_exercises_is_spoken_for() -> None:
    town = Traffic()
    exercises = town.fresh(40)
    pupils = town.accounts(20)
    for account in pupils.tolist():
        given = town.drawn(40, exercises)
        town.send(account, town.by_life(40), prompt=given, opening=given, closing=given)
    assert bits_of(town, "task_list_coverage", pupils)[0] < -1.0
