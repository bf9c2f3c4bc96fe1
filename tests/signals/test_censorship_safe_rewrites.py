"""Rewrites in bulk are seen; journalists now and then are not."""

from __future__ import annotations

from signals.traffic import CODE, Traffic, bits_of


def test_sensitive_matters_rewritten_in_bulk_are_seen() -> None:
    town = Traffic()
    harvest = town.harvest(8, patterns=[CODE["censorship_rewrite"]])
    seen, at_work = bits_of(town, "censorship_safe_rewrites", harvest, town.people(20))
    assert seen > 1.5
    assert at_work <= 0.0


def test_moderators_and_journalists_weigh_less() -> None:
    town = Traffic()
    harvest = town.harvest(8, patterns=[CODE["censorship_rewrite"]])
    alike = town.people(8, patterns=[100 + CODE["censorship_rewrite"]])
    now_and_then = town.people(8)
    town.send(int(now_and_then[0]), town.by_life(3), patterns=[CODE["censorship_rewrite"]])
    seen, weak_rule, rare = bits_of(town, "censorship_safe_rewrites", harvest, alike, now_and_then)
    assert weak_rule < 0.8 * seen
    assert rare < 0.3
