"""Over 100,000 prompts, many not English, that force the full reasoning in the language of the user.

Source: Google GTIG, February 2026 (secondary).
Assumed: 400 accounts and 25 days are assumed.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import lessons

DESCRIPTION = "Over 100,000 prompts, many not English, that force the full reasoning in the language of the user."
DAYS = 25.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    campaign = stage.campaign(
        "non_english",
        "distillation",
        "Google GTIG, February 2026 (secondary).",
        "400 accounts and 25 days are assumed.",
    )
    shared = {
        "payment": (stage.knob(0.2, 0, 1), 12),
        "device": (stage.knob(0.2, 0, 1), 8),
        "signup_ip": (stage.knob(0.2, 0, 1), 10),
    }

    size = stage.size(400)
    wants = [
        Traffic(
            lessons.native(forced=True), 0.75, items="queue", queue="ne", templates=4, template_by="row", loose=0.3
        ),
        Traffic(lessons.working("maths"), 0.25, items="queue", queue="ne-e", templates=3, template_by="row", loose=0.3),
    ]
    return [
        Cohort(
            "non_english",
            size,
            wants,
            stage.knob(10, 8, 40),
            0.5,
            "harvest",
            campaign,
            signup=Signup(shared=shared, age_days=(1, 90)),
            line=Line("resident", 3, client="sdk"),
            rhythm="flat",
            bursty=0.2,
            models="best",
        )
    ]
