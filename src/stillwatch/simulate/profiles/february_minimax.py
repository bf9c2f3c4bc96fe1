"""February, third lab: 13M exchanges of agentic coding; half of it moves to a new model within 24 hours.

Source: Anthropic, February 2026 (the accuser's claim).
Assumed: 8,000 accounts and 60 days are assumed; total and pivot are published.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import judging, lessons

DESCRIPTION = "February, third lab: 13M exchanges of agentic coding; half of it moves to a new model within 24 hours."
DAYS = 60.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    campaign = stage.campaign(
        "february_minimax",
        "distillation",
        "Anthropic, February 2026 (the accuser's claim).",
        "8,000 accounts and 60 days are assumed; total and pivot are published.",
    )
    shared = {
        "payment": (stage.knob(0.3, 0, 1), 12),
        "device": (stage.knob(0.3, 0, 1), 8),
        "signup_ip": (stage.knob(0.3, 0, 1), 10),
    }

    size = stage.size(8_000)
    wants = [
        Traffic(
            lessons.working("issue"),
            0.7,
            turns=4,
            gap_s=12,
            items="queue",
            queue="mm",
            templates=5,
            template_by="row",
            loose=0.25,
            tools=judging.TOOLSETS["burrow"],
            parts=True,
        ),
        Traffic(judging.inventing(), 0.3, items="queue", queue="mm-t", templates=4, template_by="row", loose=0.2),
    ]
    return [
        Cohort(
            "february_minimax",
            size,
            wants,
            stage.knob(13_000_000 / 8_000 / 60, 10, 60),
            0.5,
            "harvest",
            campaign,
            signup=Signup(shared=shared, age_days=(1, 60)),
            line=Line("resident", 2, pooled=0.4, pool_size=max(2, size // 15), client="sdk"),
            rhythm="flat",
            bursty=0.2,
            adopt=(0.5, 10.0),
            adopt_together=True,
            models="best",
        )
    ]
