"""The price of escaping and the first report are read off curves and findings as they should be."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from bench.early import as_known, looks, reported
from bench.evasion import LEVELS, half_at, levers, multiple


def test_recall_that_halves_between_two_levels_is_interpolated() -> None:
    assert half_at([1, 2, 4], [0.8, 0.6, 0.2]) == pytest.approx(3.0)


def test_recall_that_never_halves_or_never_was_has_no_price() -> None:
    assert half_at([1, 2], [0.8, 0.5]) is None
    assert half_at([1, 2], [0.0, 0.0]) is None


def test_every_ladder_begins_with_a_campaign_that_does_not_evade_and_never_gets_cheaper() -> None:
    for name, levels in LEVELS.items():
        costs = [multiple(levers(name, x)) for x in levels]
        assert costs[0] == 1 and costs == sorted(costs)


def test_a_tenth_of_the_accounts_in_one_finding_of_the_right_family_is_a_report() -> None:
    members = {f"a{i}" for i in range(20)}
    assert reported([{"kind": "distillation", "account_ids": ["a1", "a2", "x"]}], members, False)
    assert not reported([{"kind": "distillation", "account_ids": ["a1", "x"]}], members, False)
    assert not reported([{"kind": "account_network", "account_ids": ["a1", "a2"]}], members, False)
    assert not reported([{"kind": "distillation", "account_ids": ["x"]}], set(), False)


def test_looks_are_hourly_for_three_days_then_six_hourly_or_at_midnight() -> None:
    first = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)
    hourly = looks(first, first + timedelta(days=4), "hourly")
    steps = [b - a for a, b in itertools.pairwise(hourly)]
    assert steps[:71] == [timedelta(hours=1)] * 71 and set(steps[71:]) == {timedelta(hours=6)}
    daily = looks(first, first + timedelta(days=2), "daily")
    assert [t.day for t in daily] == [2, 3, 4] and all(t.hour == 0 for t in daily)


def test_a_look_knows_of_an_account_only_what_was_known_then() -> None:
    at = datetime(2026, 5, 10, tzinfo=UTC)
    records = [
        {"account_id": "early", "created_at": "2026-05-01T00:00:00+00:00", "status": "active"},
        {"account_id": "later", "created_at": "2026-05-11T00:00:00+00:00", "status": "active"},
        {"account_id": "banned-since", "created_at": "2026-05-01T00:00:00+00:00", "status": "suspended",
         "status_changed_at": "2026-05-12T00:00:00+00:00"},
        {"account_id": "banned", "created_at": "2026-05-01T00:00:00+00:00", "status": "suspended",
         "status_changed_at": "2026-05-09T00:00:00+00:00"},
    ]  # fmt: skip
    known = {r["account_id"]: r["status"] for r in as_known(records, at)}
    assert known == {"early": "active", "banned-since": "active", "banned": "suspended"}
