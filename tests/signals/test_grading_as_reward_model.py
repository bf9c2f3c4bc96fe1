"""Grading in bulk is noted; a judge now and then is not."""

from __future__ import annotations

from signals.traffic import CODE, Traffic, bits_of


def test_grading_by_rubric_in_bulk_is_seen() -> None:
    town = Traffic()
    harvest = town.harvest(8, patterns=[CODE["grading"]])
    seen, at_work = bits_of(town, "grading_as_reward_model", harvest, town.people(20))
    assert seen > 0.8
    assert at_work <= 0.0


def test_evaluations_with_a_common_phrase_weigh_less() -> None:
    town = Traffic()
    harvest = town.harvest(8, patterns=[CODE["grading"]])
    alike = town.people(8, patterns=[100 + CODE["grading"]])
    now_and_then = town.people(8)
    town.send(int(now_and_then[0]), town.by_life(3), patterns=[CODE["grading"]])
    seen, weak_rule, rare = bits_of(town, "grading_as_reward_model", harvest, alike, now_and_then)
    assert weak_rule < 0.8 * seen
    assert rare < 0.3
