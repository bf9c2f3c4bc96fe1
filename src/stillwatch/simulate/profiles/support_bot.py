"""A shop's support assistant over its own passages, day and night.

Source: Critics' list of innocent look-alikes; advisory AA26-251A's benign causes.
Assumed: Volumes.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import everyday, judging

DESCRIPTION = "A shop's support assistant over its own passages, day and night."
DAYS = 14.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    return [
        Cohort(
            "support_bot",
            stage.size(600, 6),
            [
                Traffic(everyday.passages(), 0.7, turns=1.8),
                Traffic(everyday.agent(), 0.3, turns=3, gap_s=10, tools=judging.TOOLSETS["desk"]),
            ],
            stage.knob(120, 60, 240),
            0.6,
            signup=Signup(kinds={"business": 1.0}, email={"own": 1.0}, verification={"business": 0.5, "email": 0.5}),
            line=Line("server", 2, client="sdk", end_users=300),
            rhythm="human",
            bursty=0.1,
        )
    ]
