"""A proxy network: one operator's accounts carry two harvests and unrelated customers at once.

Source: Anthropic, February 2026 (the accuser's claim). Over 20,000 accounts at once.
Assumed: Shares, sharing and hours are assumed.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import everyday, judging, lessons

DESCRIPTION = "A proxy network: one operator's accounts carry two harvests and unrelated customers at once."
DAYS = 20.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    network = stage.campaign("hydra", "account_network", "Anthropic, February 2026", "shares of traffic are assumed")
    first = stage.campaign(
        "hydra-first", "distillation", "Anthropic, February 2026", "which harvests it carried is assumed"
    )
    second = stage.campaign(
        "hydra-second", "distillation", "Anthropic, February 2026", "which harvests it carried is assumed"
    )
    size = stage.size(20_000, 60)
    pool = f"hydra-{len(stage.campaigns)}"
    share = stage.knob(0.6, 0.3, 0.9)
    aims = [
        Traffic(lessons.working("maths"), 0.7, items="queue", queue="hy-a", templates=4, template_by="row", loose=0.2),
        Traffic(
            judging.grading("lessons"), 0.7, items="queue", queue="hy-b", templates=4, template_by="row", loose=0.2
        ),
    ]
    other = [
        Traffic(everyday.chat({"zh": 0.5, "en": 0.3, "ja": 0.2}), 0.2, turns=2.5),
        Traffic(everyday.coding(), 0.15, turns=2),
    ]
    made = []
    for part, campaign, role, wants in (
        (0.25, first, "harvest", [aims[0], *other]),
        (0.2, second, "harvest", [aims[1], *other]),
        (0.55, None, "network", other),
    ):
        made.append(
            Cohort(
                "hydra",
                max(10, round(size * part)),
                wants,
                stage.knob(20, 8, 40),
                0.6,
                role,
                campaign,
                network,
                signup=Signup(
                    shared={
                        "payment": (share, 10),
                        "device": (share, 8),
                        "signup_ip": (share, 12),
                        "email_domain": (share / 2, 30),
                    },
                    age_days=(1, 60),
                ),
                line=Line(
                    "server",
                    1,
                    pooled=share,
                    pool_size=max(2, size // 20),
                    client="sdk",
                    channels={"first_party": 0.7, "bedrock": 0.3},
                ),
                rhythm="flat",
                bursty=0.4,
                join_days=2,
                life_days=max(3.0, stage.days * 0.6),
                pool=pool,
            )
        )
    return made
