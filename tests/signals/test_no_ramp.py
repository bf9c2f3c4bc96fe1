"""New accounts at full load from the first day are seen; newcomers who try it now and then are not."""

from __future__ import annotations

import numpy as np

from signals.traffic import DAY_US, HOUR_US, START_US, Traffic, bits_of


def test_new_accounts_that_work_every_day_from_the_first_are_seen() -> None:
    town = Traffic()
    born = {"created_at": START_US - 2 * HOUR_US}
    harvest = town.harvest(8, 140, record=born)
    newcomers = town.accounts(12, **born)
    for account in newcomers.tolist():
        at = np.concatenate([town.by_life(2, days=1.0), town.by_life(40, first_day=6.0, days=3.0)])
        town.send(account, np.concatenate([at, town.by_life(3, first_day=12.0, days=1.0)]))
    seen, grown = bits_of(town, "no_ramp", harvest, newcomers)
    assert seen > 0.8
    assert grown < 0.1


def test_old_accounts_with_a_steady_job_are_not_asked() -> None:
    town = Traffic()
    old_job = town.harvest(8, 140, record={"created_at": START_US - 300 * DAY_US})
    assert bits_of(town, "no_ramp", old_job) == [0.0]
