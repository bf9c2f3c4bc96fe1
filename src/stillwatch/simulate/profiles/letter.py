"""The June letter: 25,000 accounts, 28.8M exchanges in 45 days, agentic reasoning and software tasks.

Source: Letter of 10 June 2026 (secondary press): counts, window, targets.
Assumed: Prompts, sharing, hours and settings are assumed.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import everyday, judging, lessons

DESCRIPTION = "The June letter: 25,000 accounts, 28.8M exchanges in 45 days, agentic reasoning and software tasks."
DAYS = 45.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    campaign = stage.campaign(
        "letter",
        "distillation",
        "Letter of 10 June 2026 (secondary press): counts, window, targets.",
        "Prompts, sharing, hours and settings are assumed.",
    )
    shared = {
        "payment": (stage.knob(0.45, 0, 1), 12),
        "device": (stage.knob(0.35, 0, 1), 8),
        "signup_ip": (stage.knob(0.35, 0, 1), 10),
    }

    size = stage.size(25_000)
    loose = stage.knob(0.25, 0.05, 0.6)
    wants = [
        Traffic(
            lessons.working("research"),
            0.3,
            items="queue",
            queue="letter-r",
            templates=6,
            template_by="row",
            loose=loose,
        ),
        Traffic(
            lessons.working("program"),
            0.35,
            items="queue",
            queue="letter-p",
            templates=6,
            template_by="row",
            loose=loose,
            output_tokens=900,
        ),
        Traffic(
            lessons.working("issue"),
            0.25,
            turns=3,
            gap_s=20,
            items="queue",
            queue="letter-i",
            templates=4,
            template_by="row",
            loose=loose,
            tools=judging.TOOLSETS["kodexa"],
            parts=True,
            output_tokens=800,
        ),
        Traffic(everyday.chat(), stage.knob(0.1, 0, 0.4), turns=2),
    ]
    return [
        Cohort(
            "letter",
            size,
            wants,
            stage.knob(26.9, 10, 60),
            0.4,
            "harvest",
            campaign,
            signup=Signup(
                shared=shared,
                age_days=(1, 60),
                email={"public": 0.7, "rented": 0.3},
                shape={"random": 0.6, "named": 0.4},
            ),
            line=Line("resident", 3, pooled=stage.knob(0.3, 0, 0.7), pool_size=max(2, size // 12), client="sdk"),
            rhythm="flat",
            bursty=0.3,
            join_days=stage.knob(3, 0, 6) * stage.days / 45,
            models="best",
            in_step=stage.knob(0.2, 0, 0.8),
        )
    ]
