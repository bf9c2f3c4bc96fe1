"""Another vendor's harness in every request is noted, weakly."""

from __future__ import annotations

from signals.traffic import CODE, Traffic, bits_of


def test_a_group_whose_requests_carry_another_harness_is_noted() -> None:
    town = Traffic()
    harvest = town.harvest(8, patterns=[CODE["foreign_harness"]])
    seen, at_work = bits_of(town, "foreign_harness", harvest, town.people(20))
    assert seen > 0.5
    assert at_work <= 0.0


def test_developers_with_a_common_tool_weigh_less() -> None:
    town = Traffic()
    harvest = town.harvest(8, patterns=[CODE["foreign_harness"]])
    alike = town.people(8, patterns=[100 + CODE["foreign_harness"]])
    now_and_then = town.people(8)
    town.send(int(now_and_then[0]), town.by_life(3), patterns=[CODE["foreign_harness"]])
    seen, weak_rule, rare = bits_of(town, "foreign_harness", harvest, alike, now_and_then)
    assert weak_rule < 0.8 * seen
    assert rare < 0.3
