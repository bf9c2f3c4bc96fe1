"""A declared reseller that routes many vendors' users, mixed traffic, users passed on.

Source: Critics' list of innocent look-alikes; advisory AA26-251A's benign causes.
Assumed: Volumes.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import everyday

DESCRIPTION = "A declared reseller that routes many vendors' users, mixed traffic, users passed on."
DAYS = 14.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    return [
        Cohort(
            "router",
            stage.size(300, 4),
            [
                Traffic(everyday.chat(everyday.EVERYDAY_LANGUAGES), 0.6, turns=2.5, foreign=0.25, session_ids=0.2),
                Traffic(everyday.coding(), 0.4, turns=2, foreign=0.2, session_ids=0.2),
            ],
            stage.knob(300, 150, 600),
            0.5,
            signup=Signup(
                kinds={"reseller": 1.0},
                verification={"business": 1.0},
                email={"own": 1.0},
                payment={"invoice": 1.0},
                shared={"payment": (1.0, 8), "email_domain": (1.0, 8)},
                age_days=(90, 900),
            ),
            line=Line(
                "server",
                1,
                pooled=0.8,
                pool_size=3,
                client="sdk",
                end_users=400,
                channels={"first_party": 0.5, "aggregator": 0.5},
            ),
            rhythm="human",
            bursty=0.2,
            orgs=1,
        )
    ]
