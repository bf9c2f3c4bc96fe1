"""Build bots: one key, many short-lived addresses and clients.

Source: Critics' list of innocent look-alikes; advisory AA26-251A's benign causes.
Assumed: Volumes.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import everyday, judging

DESCRIPTION = "Build bots: one key, many short-lived addresses and clients."
DAYS = 14.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    return [
        Cohort(
            "ci_bots",
            stage.size(600, 6),
            [
                Traffic(everyday.coding(), 0.6, session_ids=0.0),
                Traffic(judging.harness(by="account"), 0.4, turns=2, gap_s=8, tools=judging.TOOLSETS["kodexa"]),
            ],
            stage.knob(70, 35, 140),
            0.7,
            signup=Signup(kinds={"business": 1.0}, email={"own": 1.0}),
            line=Line("server", 0, client="sdk", many_clients=True),
            rhythm="flat",
            bursty=0.5,
        )
    ]
