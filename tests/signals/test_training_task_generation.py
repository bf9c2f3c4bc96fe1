"""Tasks by the thousand are seen; a quiz maker weighs less."""

from __future__ import annotations

from signals.traffic import CODE, Traffic, bits_of


def test_training_tasks_invented_in_bulk_are_seen() -> None:
    town = Traffic()
    harvest = town.harvest(8, patterns=[CODE["task_generation"]])
    seen, at_work = bits_of(town, "training_task_generation", harvest, town.people(20))
    assert seen > 1.2
    assert at_work <= 0.0


def test_quiz_makers_and_test_writers_weigh_less() -> None:
    town = Traffic()
    harvest = town.harvest(8, patterns=[CODE["task_generation"]])
    alike = town.people(8, patterns=[100 + CODE["task_generation"]])
    now_and_then = town.people(8)
    town.send(int(now_and_then[0]), town.by_life(3), patterns=[CODE["task_generation"]])
    seen, weak_rule, rare = bits_of(town, "training_task_generation", harvest, alike, now_and_then)
    assert weak_rule < 0.8 * seen
    assert rare < 0.3
