"""Accounts without a night are seen; people and a nightly job are not."""

from __future__ import annotations

import numpy as np

from signals.traffic import HOUR_US, START_US, Traffic, bits_of


def test_a_harvest_that_never_sleeps_is_seen_and_people_are_spoken_for() -> None:
    town = Traffic()
    awake, asleep = bits_of(town, "round_the_clock", town.harvest(8), town.people(20))
    assert awake > 1.0
    assert asleep < 0.0


def test_a_job_that_runs_in_the_same_night_hour_is_left_alone() -> None:
    town = Traffic()
    job = town.accounts(6)
    for account in job.tolist():
        at = START_US + (town.rng.integers(0, 14, 80) * 24 + 3 + town.rng.random(80)) * HOUR_US
        town.send(account, at.astype(np.int64))
    assert bits_of(town, "round_the_clock", job)[0] < 0.0
