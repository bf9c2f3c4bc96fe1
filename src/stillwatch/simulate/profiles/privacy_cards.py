"""People with virtual cards and rented mail addresses.

Source: Critics' list of innocent look-alikes; advisory AA26-251A's benign causes.
Assumed: Sizes.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import everyday

DESCRIPTION = "People with virtual cards and rented mail addresses."
DAYS = 14.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    return [
        Cohort(
            "privacy_cards",
            stage.size(2500, 20),
            [Traffic(everyday.chat(), 0.6, turns=3), Traffic(everyday.coding(), 0.4, turns=2)],
            stage.knob(6, 3, 12),
            1.0,
            signup=Signup(
                payment={"virtual_card": 0.8, "prepaid": 0.2},
                email={"rented": 0.9, "public": 0.1},
                shape={"random": 0.9, "named": 0.1},
                verification={"email": 1.0},
            ),
            line=Line("server", 3, client="browser"),
            rhythm="human",
            bursty=0.7,
        )
    ]
