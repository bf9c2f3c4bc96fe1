"""Students behind one campus address.

Source: Critics' list of innocent look-alikes; advisory AA26-251A's benign causes.
Assumed: Sizes.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import everyday

DESCRIPTION = "Students behind one campus address."
DAYS = 14.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    return [
        Cohort(
            "campus_nat",
            stage.size(5000, 40),
            [
                Traffic(everyday.chat(everyday.EVERYDAY_LANGUAGES), 0.8, turns=3),
                Traffic(everyday.coding(), 0.2, turns=2),
            ],
            stage.knob(6, 3, 12),
            1.0,
            signup=Signup(kinds={"individual": 1.0}, email={"public": 1.0}, shared={"signup_ip": (0.8, 30)}),
            line=Line("home", 1, pooled=0.8, pool_size=3),
            rhythm="human",
            bursty=0.7,
        )
    ]
