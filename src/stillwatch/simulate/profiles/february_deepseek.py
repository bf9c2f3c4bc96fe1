"""February, first lab: 150,000 exchanges in step, shared payment; completed answers, rubrics, softened questions.

Source: Anthropic, February 2026 (the accuser's claim).
Assumed: 150 accounts and 21 days are assumed; no count or window was published.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import judging, lessons

DESCRIPTION = (
    "February, first lab: 150,000 exchanges in step, shared payment; completed answers, rubrics, softened questions."
)
DAYS = 21.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    campaign = stage.campaign(
        "february_deepseek",
        "distillation",
        "Anthropic, February 2026 (the accuser's claim).",
        "150 accounts and 21 days are assumed; no count or window was published.",
    )
    shared = {
        "payment": (stage.knob(0.9, 0, 1), 12),
        "device": (stage.knob(0.5, 0, 1), 8),
        "signup_ip": (stage.knob(0.4, 0, 1), 10),
    }

    size = stage.size(150)
    loose = stage.knob(0.15, 0, 0.5)
    wants = [
        Traffic(lessons.completed(), 0.45, items="queue", queue="fd", templates=4, template_by="row", loose=loose),
        Traffic(
            judging.grading("lessons"),
            0.35,
            items="queue",
            queue="fd-g",
            templates=3,
            template_by="row",
            loose=loose,
            output_tokens=150,
        ),
        Traffic(judging.softening(), 0.2, items="queue", queue="fd-s", templates=3, template_by="row", loose=loose),
    ]
    return [
        Cohort(
            "february_deepseek",
            size,
            wants,
            150_000 / 150 / 21,
            0.15,
            "harvest",
            campaign,
            signup=Signup(shared=shared, age_days=(1, 40)),
            line=Line("server", 1, pooled=0.5, pool_size=max(1, size // 10), client="sdk", one_client=True),
            rhythm="flat",
            bursty=0.0,
            in_step=stage.knob(0.95, 0.5, 1),
            models="best",
        )
    ]
