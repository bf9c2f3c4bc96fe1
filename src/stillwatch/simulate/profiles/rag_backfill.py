"""Backfills: a firm runs its own passages through a new account at full speed, day and night.

Source: Critics' list of innocent look-alikes; advisory AA26-251A's benign causes.
Assumed: Volumes.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import everyday

DESCRIPTION = "Backfills: a firm runs its own passages through a new account at full speed, day and night."
DAYS = 14.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    return [
        Cohort(
            "rag_backfill",
            stage.size(600, 5),
            [Traffic(everyday.passages(), temperature=(0.0, 0.2), session_ids=0.0)],
            stage.knob(400, 200, 800),
            0.5,
            signup=Signup(
                kinds={"business": 0.7, "startup": 0.3},
                email={"own": 1.0},
                payment={"card": 0.7, "invoice": 0.3},
                age_days=(0.1, 2),
            ),
            line=Line("server", 1, client="sdk"),
            rhythm="flat",
            bursty=0.05,
            start=stage.days * 0.2,
            days=8.0,
            join_days=5.0,
        )
    ]
