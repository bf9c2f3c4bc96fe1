"""Trajectories asked for as data are seen; agent frameworks weigh less."""

from __future__ import annotations

from signals.traffic import CODE, Traffic, bits_of


def test_trajectories_collected_in_bulk_are_seen() -> None:
    town = Traffic()
    harvest = town.harvest(8, patterns=[CODE["agentic_trajectory"]])
    seen, at_work = bits_of(town, "trajectory_collection", harvest, town.people(20))
    assert seen > 1.2
    assert at_work <= 0.0


def test_agents_that_only_prompt_in_that_form_weigh_less() -> None:
    town = Traffic()
    harvest = town.harvest(8, patterns=[CODE["agentic_trajectory"]])
    alike = town.people(8, patterns=[100 + CODE["agentic_trajectory"]])
    now_and_then = town.people(8)
    town.send(int(now_and_then[0]), town.by_life(3), patterns=[CODE["agentic_trajectory"]])
    seen, weak_rule, rare = bits_of(town, "trajectory_collection", harvest, alike, now_and_then)
    assert weak_rule < 0.8 * seen
    assert rare < 0.3
