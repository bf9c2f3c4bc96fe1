"""Verified research accounts that sample many answers to the same questions.

Source: Critics' list of innocent look-alikes; advisory AA26-251A's benign causes.
Assumed: Volumes.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import lessons

DESCRIPTION = "Verified research accounts that sample many answers to the same questions."
DAYS = 14.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    return [
        Cohort(
            "researchers",
            stage.size(500, 6),
            [
                Traffic(
                    lessons.bare("maths"), 0.6, items="pool", item_count=300, temperature=(1.0,), n=1, logprobs=True
                ),
                Traffic(lessons.working("research"), 0.4, items="pool", item_count=200, loose=0.2),
            ],
            stage.knob(60, 30, 120),
            0.6,
            signup=Signup(
                kinds={"research": 1.0},
                verification={"identity": 0.6, "business": 0.4},
                email={"own": 1.0},
                age_days=(30, 700),
            ),
            line=Line("office", 1, client="sdk"),
            rhythm="nightly",
            bursty=0.5,
            models="best",
        )
    ]
