"""A billing partner pays for the seats of unrelated small firms: one card, one referrer, own work on each.

Source: Critics' list of innocent look-alikes; advisory AA26-251A's benign causes.
Assumed: Sizes.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import everyday

DESCRIPTION = "A billing partner pays for the seats of unrelated small firms: one card, one referrer, own work on each."
DAYS = 14.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    return [
        Cohort(
            "reseller_seats",
            stage.size(20_000, 40),
            [
                Traffic(everyday.chat(), 0.5, turns=3),
                Traffic(everyday.coding(), 0.3, turns=2.5),
                Traffic(everyday.table_rows(), 0.2),
            ],
            stage.knob(20, 10, 40),
            0.8,
            signup=Signup(
                kinds={"business": 0.8, "startup": 0.2},
                verification={"email": 0.6, "business": 0.4},
                email={"own": 0.8, "public": 0.2},
                payment={"card": 0.8, "virtual_card": 0.2},
                shared={"payment": (1.0, 150), "referrer": (1.0, 400), "signup_ip": (0.3, 60)},
                age_days=(2, 400),
            ),
            line=Line("office", 2),
            rhythm="office",
            bursty=0.5,
        )
    ]
