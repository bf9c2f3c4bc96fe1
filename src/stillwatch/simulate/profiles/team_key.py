"""One key for a whole team: builds, notebooks and people on many addresses and clients.

Source: Critics' list of innocent look-alikes; advisory AA26-251A's benign causes.
Assumed: Volumes.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import everyday

DESCRIPTION = "One key for a whole team: builds, notebooks and people on many addresses and clients."
DAYS = 14.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    return [
        Cohort(
            "team_key",
            stage.size(900, 6),
            [
                Traffic(everyday.coding(), 0.6, turns=2.5, session_ids=0.2),
                Traffic(everyday.table_rows(), 0.4, temperature=(0.0,)),
            ],
            stage.knob(150, 75, 300),
            0.6,
            signup=Signup(kinds={"business": 0.6, "startup": 0.4}, email={"own": 1.0}, age_days=(30, 700)),
            line=Line("server", 0, client="sdk", many_clients=True),
            rhythm="human",
            bursty=0.2,
        )
    ]
