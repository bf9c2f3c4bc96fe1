"""Reasoning drawn out in bulk is seen; tutors and auditors weigh less."""

from __future__ import annotations

from signals.traffic import CODE, Traffic, bits_of


def test_asking_for_the_reasoning_behind_finished_answers_in_bulk_is_seen() -> None:
    town = Traffic()
    harvest = town.harvest(8, patterns=[CODE["completed_answer_reasoning"]])
    seen, at_work = bits_of(town, "elicitation_patterns", harvest, town.people(20))
    assert seen > 3.0
    assert at_work <= 0.0


def test_tutors_and_auditors_weigh_less() -> None:
    town = Traffic()
    harvest = town.harvest(8, patterns=[CODE["completed_answer_reasoning"]])
    alike = town.people(8, patterns=[100 + CODE["completed_answer_reasoning"]])
    now_and_then = town.people(8)
    town.send(int(now_and_then[0]), town.by_life(3), patterns=[CODE["completed_answer_reasoning"]])
    seen, weak_rule, rare = bits_of(town, "elicitation_patterns", harvest, alike, now_and_then)
    assert weak_rule < 0.8 * seen
    assert rare < 0.3
