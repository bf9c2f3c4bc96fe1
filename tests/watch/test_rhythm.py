"""Sweeps come when they are due: by a steady clock, sooner when much came, and never without a rest."""

from __future__ import annotations

import pytest

from stillwatch.errors import UsageError
from stillwatch.watch.rhythm import Rhythm, Schedule, seconds_of

DAY = Rhythm(every_s=86400.0, after=1000)


def test_the_first_sweep_of_a_home_waits_until_what_was_there_is_read() -> None:
    schedule = Schedule(DAY, now=0.0, last_s_ago=None)
    assert not schedule.due(10.0, new=5_000_000, caught_up=False)
    assert schedule.due(10.0, new=1, caught_up=True)
    assert schedule.due(86400.0, new=1, caught_up=False), "but not for ever"


def test_a_home_that_was_swept_an_hour_ago_is_due_in_twenty_three() -> None:
    schedule = Schedule(DAY, now=100.0, last_s_ago=3600.0)
    assert not schedule.due(100.0 + 82_799, new=0, caught_up=True)
    assert schedule.due(100.0 + 82_800, new=0, caught_up=True)


@pytest.mark.parametrize("age", [-1e9, 1e9])
def test_a_clock_that_jumped_moves_the_first_sweep_by_one_interval_at_most(age: float) -> None:
    schedule = Schedule(DAY, now=0.0, last_s_ago=age)
    assert schedule.due(86400.0, new=0, caught_up=True)


def test_many_exchanges_bring_a_sweep_forward_after_a_rest_as_long_as_the_last_took() -> None:
    schedule = Schedule(DAY, now=0.0, last_s_ago=10.0)
    assert not schedule.due(20.0, new=999, caught_up=True)
    assert schedule.due(20.0, new=1000, caught_up=True)
    schedule.began(20.0)
    schedule.ended(80.0, took_s=60.0)
    assert not schedule.due(139.0, new=5000, caught_up=True)
    assert schedule.due(140.0, new=5000, caught_up=True)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90.0), ("15m", 900.0), ("24h", 86400.0), ("1.5d", 129_600.0)])
def test_times_are_read(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "24", "1s", "400d", "-1h", "1h30m", "1e3s", "inf"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no time"):
        seconds_of(text)
