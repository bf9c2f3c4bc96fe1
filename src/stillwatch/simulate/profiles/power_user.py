"""Paying individuals whose own queue runs at all limits day and night.

Source: Critics' list of innocent look-alikes; advisory AA26-251A's benign causes.
Assumed: Volumes.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import everyday, judging

DESCRIPTION = "Paying individuals whose own queue runs at all limits day and night."
DAYS = 14.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    return [
        Cohort(
            "power_user",
            stage.size(500, 4),
            [
                Traffic(everyday.coding(), 0.5, turns=2),
                Traffic(judging.harness(), 0.5, turns=4, gap_s=10, tools=judging.TOOLSETS["burrow"], parts=True),
            ],
            stage.knob(180, 90, 360),
            0.4,
            signup=Signup(kinds={"individual": 1.0}, verification={"phone": 0.6, "identity": 0.4}, age_days=(100, 700)),
            line=Line("home", 1, client="harness"),
            rhythm="flat",
            bursty=0.1,
            models="best",
        )
    ]
