"""An enterprise gateway: many employees behind a few keys, their metadata stripped.

Source: Critics' list of innocent look-alikes; advisory AA26-251A's benign causes.
Assumed: Volumes.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import everyday

DESCRIPTION = "An enterprise gateway: many employees behind a few keys, their metadata stripped."
DAYS = 14.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    return [
        Cohort(
            "enterprise_gateway",
            stage.size(300, 4),
            [
                Traffic(everyday.chat(everyday.EVERYDAY_LANGUAGES), 0.6, turns=2.5, foreign=0.25, session_ids=0.0),
                Traffic(everyday.coding(), 0.4, turns=2, foreign=0.2, session_ids=0.0),
            ],
            stage.knob(250, 125, 500),
            0.5,
            signup=Signup(
                kinds={"enterprise": 1.0},
                verification={"business": 1.0},
                email={"own": 1.0},
                payment={"invoice": 1.0},
                shared={"payment": (1.0, 6), "email_domain": (1.0, 6)},
                age_days=(90, 900),
            ),
            line=Line("server", 1, pooled=0.7, pool_size=2, client="sdk", one_client=True),
            rhythm="office",
            bursty=0.2,
            orgs=2,
        )
    ]
