"""A company's seats: one card, one mail domain, own work on each seat.

Source: Critics' list of innocent look-alikes; advisory AA26-251A's benign causes.
Assumed: Volumes.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import everyday

DESCRIPTION = "A company's seats: one card, one mail domain, own work on each seat."
DAYS = 14.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    return [
        Cohort(
            "corporate_seats",
            stage.size(20_000, 30),
            [Traffic(everyday.chat(), 0.6, turns=3), Traffic(everyday.coding(), 0.4, turns=2.5)],
            stage.knob(20, 5, 30),
            0.9,
            signup=Signup(
                kinds={"business": 1.0},
                verification={"business": 0.7, "email": 0.3},
                email={"own": 1.0},
                shared={"payment": (1.0, 60), "email_domain": (1.0, 60), "signup_ip": (0.5, 40)},
                age_days=(20, 700),
            ),
            line=Line("home", 2, pooled=0.6, pool_size=4),
            rhythm="office",
            bursty=0.5,
            orgs=3,
        )
    ]
