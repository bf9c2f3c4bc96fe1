"""Far more a day than others on the plan is seen; a large customer on a large plan is not."""

from __future__ import annotations

from signals.traffic import Traffic, bits_of


def test_forty_times_the_plans_usual_load_is_seen() -> None:
    town = Traffic()
    people = town.people(40, 30)
    heavy, usual = bits_of(town, "throughput_against_plan", town.harvest(3, 1500), people)
    assert heavy > 0.5
    assert usual < 0.1


def test_an_enterprise_that_sends_what_its_plan_is_sold_for_is_left_alone() -> None:
    town = Traffic()
    town.people(40, 30)
    enterprise = town.harvest(25, 400, record={"plan": "enterprise"})
    assert bits_of(town, "throughput_against_plan", enterprise)[0] < 0.1
