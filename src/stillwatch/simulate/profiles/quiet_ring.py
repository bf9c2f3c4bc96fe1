"""Nothing shared: bare task items dealt from one queue over accounts that have no card, address or device in common.

Source: No public case; the hard case that critics and the September report imply.
Assumed: All numbers are assumed.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import everyday, lessons

DESCRIPTION = (
    "Nothing shared: bare task items dealt from one queue over accounts that have no card, address or device in common."
)
DAYS = 14.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    campaign = stage.campaign(
        "quiet_ring",
        "distillation",
        "No public case; the hard case that critics and the September report imply.",
        "All numbers are assumed.",
    )
    size = stage.size(120, 12)
    if stage.wild:
        size = min(300, max(30, size))
    wants = [
        Traffic(
            lessons.bare_mixed(),
            0.9,
            items="queue",
            queue="quiet_ring",
            templates=3,
            template_by="row",
            loose=stage.knob(0.6, 0.2, 1),
        ),
        Traffic(everyday.chat(), stage.knob(0.1, 0, 0.4), turns=2),
    ]
    return [
        Cohort(
            "quiet_ring",
            size,
            wants,
            stage.knob(30, 12, 60),
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
