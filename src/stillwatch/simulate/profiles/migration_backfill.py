"""An old workload moved to a new account: full volume from the first hour.

Source: Critics' list of innocent look-alikes; advisory AA26-251A's benign causes.
Assumed: Volumes.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import everyday

DESCRIPTION = "An old workload moved to a new account: full volume from the first hour."
DAYS = 14.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    return [
        Cohort(
            "migration_backfill",
            stage.size(500, 5),
            [Traffic(everyday.table_rows(), temperature=(0.0,), items="own")],
            stage.knob(220, 110, 440),
            0.5,
            signup=Signup(kinds={"business": 0.8, "startup": 0.2}, email={"own": 1.0}, age_days=(0.2, 2)),
            line=Line("server", 1, client="sdk"),
            rhythm="flat",
            bursty=0.05,
            start=stage.days * 0.3,
        )
    ]
