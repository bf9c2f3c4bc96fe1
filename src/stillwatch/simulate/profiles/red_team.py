"""Red teams who probe how the model reasons and what it refuses.

Source: Critics' list of innocent look-alikes; advisory AA26-251A's benign causes.
Assumed: Volumes.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import judging, lessons

DESCRIPTION = "Red teams who probe how the model reasons and what it refuses."
DAYS = 14.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    return [
        Cohort(
            "red_team",
            stage.size(400, 5),
            [
                Traffic(lessons.asks_why(), 0.6, turns=2.5, refused=0.2),
                Traffic(judging.evading(False), 0.4, refused=0.6),
            ],
            stage.knob(30, 15, 60),
            0.7,
            signup=Signup(
                kinds={"research": 0.6, "business": 0.4},
                verification={"identity": 0.5, "business": 0.5},
                email={"own": 1.0},
                age_days=(30, 700),
            ),
            line=Line("office", 2, client="sdk"),
            rhythm="office",
            bursty=0.4,
            models="best",
        )
    ]
