"""February, second lab: hundreds of accounts over several pathways and account types, later one narrow aim.

Source: Anthropic, February 2026 (the accuser's claim).
Assumed: 600 accounts and 40 days are assumed; the total of 3.4M is published.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import judging, lessons

DESCRIPTION = (
    "February, second lab: hundreds of accounts over several pathways and account types, later one narrow aim."
)
DAYS = 40.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    campaign = stage.campaign(
        "february_moonshot",
        "distillation",
        "Anthropic, February 2026 (the accuser's claim).",
        "600 accounts and 40 days are assumed; the total of 3.4M is published.",
    )
    shared = {
        "payment": (stage.knob(0.15, 0, 1), 12),
        "device": (stage.knob(0.15, 0, 1), 8),
        "signup_ip": (stage.knob(0.1, 0, 1), 10),
    }

    size = stage.size(600)
    turn = stage.days * 0.6
    wants = [
        Traffic(
            lessons.working("issue"),
            0.4,
            turns=3,
            gap_s=15,
            items="queue",
            queue="fm-i",
            templates=8,
            template_by="row",
            loose=0.3,
            until_day=turn,
            tools=judging.TOOLSETS["forge"],
            parts=True,
        ),
        Traffic(
            lessons.working("program"),
            0.4,
            items="queue",
            queue="fm-p",
            templates=8,
            template_by="row",
            loose=0.3,
            until_day=turn,
        ),
        Traffic(
            lessons.working("research"),
            0.2,
            items="queue",
            queue="fm-r",
            templates=8,
            template_by="row",
            loose=0.3,
            until_day=turn,
            tools=judging.TOOLSETS["browse"],
        ),
        Traffic(
            lessons.completed(),
            1.0,
            items="queue",
            queue="fm-c",
            templates=3,
            template_by="row",
            loose=0.2,
            from_day=turn,
        ),
    ]
    return [
        Cohort(
            "february_moonshot",
            size,
            wants,
            stage.knob(3_400_000 / 600 / 40, 20, 140),
            0.8,
            "harvest",
            campaign,
            signup=Signup(
                shared=shared,
                kinds={"individual": 0.4, "business": 0.25, "education": 0.15, "research": 0.1, "startup": 0.1},
                age_days=(2, 300),
            ),
            line=Line(
                "server",
                2,
                pooled=0.2,
                pool_size=max(2, size // 20),
                client="sdk",
                channels={"first_party": 0.4, "bedrock": 0.25, "vertex": 0.2, "aggregator": 0.15},
            ),
            rhythm="flat",
            join_days=5,
            models="best",
        )
    ]
