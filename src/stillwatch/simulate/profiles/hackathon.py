"""A hackathon: one weekend, a sponsor's card, many projects.

Source: Critics' list of innocent look-alikes; advisory AA26-251A's benign causes.
Assumed: Volumes.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import everyday, judging

DESCRIPTION = "A hackathon: one weekend, a sponsor's card, many projects."
DAYS = 14.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    return [
        Cohort(
            "hackathon",
            stage.size(2500, 20),
            [
                Traffic(everyday.coding(), 0.5, turns=3),
                Traffic(everyday.agent(), 0.5, turns=3, gap_s=12, tools=judging.TOOLSETS["sql"]),
            ],
            stage.knob(60, 30, 120),
            0.8,
            signup=Signup(
                kinds={"individual": 0.6, "startup": 0.4},
                payment={"credits": 0.5, "card": 0.5},
                shared={"payment": (0.95, 400), "signup_ip": (0.6, 200), "referrer": (1.0, 400)},
                age_days=(1, 2),
                one_day=True,
            ),
            line=Line("home", 2, pooled=0.6, pool_size=2, client="sdk"),
            rhythm="flat",
            bursty=0.2,
            start=stage.days * 0.4,
            days=2.5,
        )
    ]
