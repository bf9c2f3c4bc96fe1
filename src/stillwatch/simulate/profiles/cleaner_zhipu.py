"""June: 273 accounts, 770,609 exchanges in ten days; traces fed back to be graded and normalised.

Source: Anthropic, September 2026 (the accuser's claim; read through notes).
Assumed: That the same 273 accounts did the ten-day run is assumed.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import judging

DESCRIPTION = "June: 273 accounts, 770,609 exchanges in ten days; traces fed back to be graded and normalised."
DAYS = 10.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    campaign = stage.campaign(
        "cleaner_zhipu",
        "distillation",
        "Anthropic, September 2026 (the accuser's claim; read through notes).",
        "That the same 273 accounts did the ten-day run is assumed.",
    )
    shared = {
        "payment": (stage.knob(0.4, 0, 1), 12),
        "device": (stage.knob(0.4, 0, 1), 8),
        "signup_ip": (stage.knob(0.3, 0, 1), 10),
    }

    size = stage.size(273)
    wants = [
        Traffic(
            judging.cleaning(),
            0.7,
            items="queue",
            queue="cz",
            templates=3,
            template_by="row",
            loose=stage.knob(0.15, 0, 0.5),
            input_tokens=2500,
        ),
        Traffic(
            judging.grading("lessons"), 0.3, items="queue", queue="cz-g", templates=2, template_by="row", loose=0.1
        ),
    ]
    return [
        Cohort(
            "cleaner_zhipu",
            size,
            wants,
            stage.knob(282, 30, 160),
            0.3,
            "harvest",
            campaign,
            signup=Signup(shared=shared, age_days=(1, 40)),
            line=Line("server", 1, pooled=0.5, pool_size=max(2, size // 12), client="sdk"),
            rhythm="flat",
            bursty=0.1,
            models="best",
        )
    ]
