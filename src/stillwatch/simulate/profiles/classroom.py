"""Classes: same-day sign-up, one school address, one assignment.

Source: Critics' list of innocent look-alikes; advisory AA26-251A's benign causes.
Assumed: Volumes.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import everyday, lessons

DESCRIPTION = "Classes: same-day sign-up, one school address, one assignment."
DAYS = 14.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    return [
        Cohort(
            "classroom",
            stage.size(4000, 30),
            [Traffic(lessons.assignment(), 0.8, turns=2.5, template_by="row"), Traffic(everyday.chat(), 0.2, turns=2)],
            stage.knob(6, 3, 12),
            0.5,
            signup=Signup(
                kinds={"education": 1.0},
                email={"own": 1.0},
                verification={"email": 1.0},
                payment={"credits": 1.0},
                shared={"email_domain": (1.0, 400), "signup_ip": (0.9, 400)},
                age_days=(3, 9),
                one_day=True,
            ),
            line=Line("home", 1, pooled=0.7, pool_size=1, client="browser"),
            rhythm="office",
            bursty=0.4,
        )
    ]
