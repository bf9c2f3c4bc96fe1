"""A coding assistant's users: unrelated accounts with one vendor's system prompt and tools.

Source: Critics' list of innocent look-alikes; advisory AA26-251A's benign causes.
Assumed: Volumes.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import judging

DESCRIPTION = "A coding assistant's users: unrelated accounts with one vendor's system prompt and tools."
DAYS = 14.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    return [
        Cohort(
            "coding_fleet",
            stage.size(25_000, 40),
            [
                Traffic(
                    judging.harness(),
                    turns=3.5,
                    gap_s=60,
                    template_by="row",
                    tools=judging.TOOLSETS["forge"],
                    parts=True,
                )
            ],
            stage.knob(26, 8, 40),
            0.9,
            signup=Signup(),
            line=Line("home", 2, client="harness", one_client=True),
            rhythm="human",
            bursty=0.6,
        )
    ]
