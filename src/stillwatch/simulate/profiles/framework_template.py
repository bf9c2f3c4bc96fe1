"""Users of a popular framework whose public prompt stands in all of their requests.

Source: Critics' list of innocent look-alikes; advisory AA26-251A's benign causes.
Assumed: Volumes.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import everyday, judging

DESCRIPTION = "Users of a popular framework whose public prompt stands in all of their requests."
DAYS = 14.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    return [
        Cohort(
            "framework_template",
            stage.size(25_000, 30),
            [
                Traffic(everyday.passages(by="template"), 0.6, template_by="row"),
                Traffic(
                    everyday.agent(by="template"),
                    0.4,
                    turns=3,
                    gap_s=15,
                    template_by="row",
                    tools=judging.TOOLSETS["search"],
                ),
            ],
            stage.knob(9, 4.5, 18),
            0.9,
            signup=Signup(
                kinds={"individual": 0.4, "business": 0.3, "startup": 0.3}, email={"own": 0.5, "public": 0.5}
            ),
            line=Line("server", 2, client="sdk", one_client=True),
            rhythm="human",
            bursty=0.6,
        )
    ]
