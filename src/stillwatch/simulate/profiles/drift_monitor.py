"""Drift monitors: firms ask the same fixed questions every few hours, to see whether answers change.

Source: Critics' list of innocent look-alikes; advisory AA26-251A's benign causes.
Assumed: Sizes; a common open suite of questions is assumed for a third of them.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import lessons

DESCRIPTION = "Drift monitors: firms ask the same fixed questions every few hours, to see whether answers change."
DAYS = 14.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    asked = [
        Traffic(
            lessons.working("maths"),
            0.6,
            items="walk",
            item_count=120,
            queue="drift-suite",
            templates=2,
            template_by="row",
            temperature=(0.0,),
            n=1,
        ),
        Traffic(
            lessons.bare("program"),
            0.4,
            items="walk",
            item_count=80,
            queue="drift-suite-p",
            templates=2,
            temperature=(0.0,),
        ),
    ]
    return [
        Cohort(
            "drift_monitor",
            stage.size(1500, 8),
            asked,
            stage.knob(48, 24, 96),
            0.4,
            signup=Signup(kinds={"business": 0.8, "startup": 0.2}, email={"own": 1.0}, age_days=(10, 600)),
            line=Line("server", 1, client="sdk"),
            rhythm="pulses",
            bursty=0.05,
            adopt=(0.9, 4.0),
            models="best",
        )
    ]
