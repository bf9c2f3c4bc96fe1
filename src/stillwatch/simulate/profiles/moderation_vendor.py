"""A moderation vendor labels and softens posts, political ones among them.

Source: Critics' list of innocent look-alikes; advisory AA26-251A's benign causes.
Assumed: Volumes.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import judging

DESCRIPTION = "A moderation vendor labels and softens posts, political ones among them."
DAYS = 14.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    return [
        Cohort(
            "moderation_vendor",
            stage.size(400, 5),
            [Traffic(judging.moderation(), temperature=(0.0,), output_tokens=120)],
            stage.knob(150, 75, 300),
            0.5,
            signup=Signup(
                kinds={"business": 1.0},
                verification={"business": 1.0},
                email={"own": 1.0},
                shared={"payment": (1.0, 10), "email_domain": (1.0, 10)},
            ),
            line=Line("server", 1, pooled=0.6, pool_size=3, client="sdk"),
            rhythm="flat",
            bursty=0.1,
            orgs=1,
            models="small",
        )
    ]
