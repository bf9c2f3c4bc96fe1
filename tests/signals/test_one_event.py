"""A hackathon explains what its people share; a queue that runs by the clock is no event."""

from __future__ import annotations

from signals.traffic import Traffic, bits_of


def test_people_who_came_for_a_weekend_are_explained_and_a_queue_of_two_weeks_is_not() -> None:
    town = Traffic()
    town.people(40)
    weekend = town.accounts(20)
    for account in weekend.tolist():
        town.send(account, town.by_life(40, first_day=5.0, days=3.0), ip=7, net=7)
    event, queue = bits_of(town, "one_event", weekend, town.harvest(20))
    assert event < -2.0
    assert queue == 0.0


def test_a_burst_that_keeps_no_hours_is_not_explained() -> None:
    town = Traffic()
    town.people(40)
    burst = town.accounts(20)
    for account in burst.tolist():
        town.send(account, town.by_clock(60, first_day=5.0, days=3.0))
    assert bits_of(town, "one_event", burst)[0] > -0.5


def test_who_worked_day_and_night_on_an_events_code_is_explained_in_part() -> None:
    town = Traffic()
    town.people(40)
    night = town.accounts(20, referrer=5)
    for account in night.tolist():
        town.send(account, town.by_clock(60, first_day=5.0, days=3.0))
    assert -2.5 < bits_of(town, "one_event", night)[0] < -1.0


def test_a_window_of_a_week_is_too_short_to_ask() -> None:
    town = Traffic(days=6.0)
    town.people(40)
    weekend = town.accounts(20)
    for account in weekend.tolist():
        town.send(account, town.by_life(40, first_day=2.0, days=3.0))
    assert bits_of(town, "one_event", weekend)[0] == 0.0
