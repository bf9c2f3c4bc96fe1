"""A bank that has the grounds of every decision written down.

Source: Critics' list of innocent look-alikes; advisory AA26-251A's benign causes.
Assumed: Volumes.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import lessons

DESCRIPTION = "A bank that has the grounds of every decision written down."
DAYS = 14.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    return [
        Cohort(
            "audit_capture",
            stage.size(400, 5),
            [Traffic(lessons.audited(), temperature=(0.0,))],
            stage.knob(110, 55, 220),
            0.5,
            signup=Signup(
                kinds={"enterprise": 1.0},
                verification={"business": 1.0},
                email={"own": 1.0},
                payment={"invoice": 1.0},
                shared={"payment": (1.0, 10), "email_domain": (1.0, 10)},
                age_days=(60, 900),
            ),
            line=Line("office", 1, pooled=0.9, pool_size=2, client="sdk"),
            rhythm="office",
            bursty=0.1,
            orgs=1,
        )
    ]
