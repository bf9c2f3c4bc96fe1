"""Resilience routers: a failed call is sent again on another pathway.

Source: Critics' list of innocent look-alikes; advisory AA26-251A's benign causes.
Assumed: Error rates.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import everyday

DESCRIPTION = "Resilience routers: a failed call is sent again on another pathway."
DAYS = 14.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    return [
        Cohort(
            "fallback_router",
            stage.size(800, 6),
            [Traffic(everyday.passages(), errors=0.08, retry_elsewhere=True)],
            stage.knob(60, 30, 120),
            0.6,
            signup=Signup(kinds={"business": 1.0}, email={"own": 1.0}),
            line=Line("server", 2, client="sdk"),
            rhythm="human",
            bursty=0.3,
        )
    ]
