"""Thirty accounts with nothing in common but one queue of tasks and the hours they keep.

Source: No public case; the hard case that critics and the September report imply.
Assumed: All numbers are assumed.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import everyday, lessons

DESCRIPTION = "Thirty accounts with nothing in common but one queue of tasks and the hours they keep."
DAYS = 14.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    campaign = stage.campaign(
        "ring_of_30",
        "distillation",
        "No public case; the hard case that critics and the September report imply.",
        "All numbers are assumed.",
    )
    size = stage.size(30, 12)
    if stage.wild:
        size = min(300, max(30, size))
    wants = [
        Traffic(
            lessons.bare_mixed(),
            0.9,
            items="queue",
            queue="ring_of_30",
            templates=3,
            template_by="row",
            loose=stage.knob(0.6, 0.2, 1),
        ),
        Traffic(everyday.chat(), stage.knob(0.1, 0, 0.4), turns=2),
    ]
    return [
        Cohort(
            "ring_of_30",
            size,
            wants,
            stage.knob(45, 12, 60),
            0.3,
            "harvest",
            campaign,
            signup=Signup(age_days=(5, 500)),
            line=Line("home", 2, client="sdk"),
            rhythm="human" if stage.knob(0.2, 0, 1) > 0.6 else "flat",
            bursty=0.2,
            models="best",
            in_step=stage.knob(0.6, 0, 0.9),
        )
    ]
