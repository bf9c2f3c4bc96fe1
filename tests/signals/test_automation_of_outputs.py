"""A program that stores long answers is seen; a program with defaults weighs less, people nothing."""

from __future__ import annotations

from signals.traffic import Traffic, bits_of


def test_fixed_settings_with_long_answers_and_logprobs_are_seen() -> None:
    town = Traffic()
    people = town.people(40)
    harvest = town.harvest(8, logprobs=True)
    with_defaults = town.harvest(8, max_tokens=1024)
    seen, defaults, at_work = bits_of(town, "automation_of_outputs", harvest, with_defaults, people)
    assert seen > 1.0
    assert defaults < 0.5 * seen
    assert at_work < 0.3


def test_a_handful_of_exchanges_is_not_enough_to_judge_settings() -> None:
    town = Traffic()
    town.people(30)
    assert bits_of(town, "automation_of_outputs", town.harvest(3, 5, logprobs=True)) == [0.0]
