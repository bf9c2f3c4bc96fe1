"""A firm grades its own assistant's replies with a rubric, all day.

Source: Critics' list of innocent look-alikes; advisory AA26-251A's benign causes.
Assumed: Volumes.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import judging

DESCRIPTION = "A firm grades its own assistant's replies with a rubric, all day."
DAYS = 14.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    return [
        Cohort(
            "judge_pipeline",
            stage.size(500, 5),
            [Traffic(judging.grading("support"), templates=3, temperature=(0.0,), output_tokens=150)],
            stage.knob(120, 30, 250),
            0.6,
            signup=Signup(kinds={"business": 0.6, "startup": 0.4}, email={"own": 1.0}, age_days=(1, 500)),
            line=Line("server", 2, client="sdk"),
            rhythm="flat",
            bursty=0.2,
            models="best",
        )
    ]
