"""September, largest: one fixed injected prompt forces tags; a banned pool is replaced within hours.

Source: Anthropic, September 2026 (the accuser's claim; read through notes).
Assumed: The day of the ban and both pools' hours are assumed; sizes are published.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import judging, lessons

DESCRIPTION = "September, largest: one fixed injected prompt forces tags; a banned pool is replaced within hours."
DAYS = 92.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    campaign = stage.campaign(
        "september_pools",
        "distillation",
        "Anthropic, September 2026 (the accuser's claim; read through notes).",
        "The day of the ban and both pools' hours are assumed; sizes are published.",
    )
    size, second = stage.size(5_000), stage.size(3_500)
    ban = stage.days * stage.knob(0.5, 0.3, 0.7)
    wants = [
        Traffic(
            lessons.tagged(k),
            w,
            turns=t,
            gap_s=15,
            items="queue",
            queue=f"sp-{k}",
            template_by="row",
            tools=judging.TOOLSETS["forge"] if t > 1 else None,
        )
        for k, w, t in (("issue", 0.5, 2.5), ("program", 0.3, 1.0), ("research", 0.2, 1.0))
    ]
    look = {"payment": (stage.knob(0.5, 0, 1), 6), "email_domain": (0.6, 40), "device": (stage.knob(0.3, 0, 0.8), 8)}
    made = []
    for number, start, until, banned in ((size, 0.0, ban, ban), (second, ban + 0.15, 1e9, None)):
        made.append(
            Cohort(
                "september_pools",
                number,
                wants,
                stage.knob(390, 30, 200) if not stage.wild else stage.knob(0, 20, 90),
                0.5,
                "harvest",
                campaign,
                signup=Signup(
                    shared=look,
                    email={"rented": 0.8, "public": 0.2},
                    payment={"virtual_card": 0.7, "card": 0.3},
                    age_days=(1, 30),
                    suspended_day=banned,
                ),
                line=Line("resident", 0, client="sdk"),
                rhythm="flat",
                bursty=0.1,
                start=start,
                days=until,
                join_days=0.3,
                models="best",
                pool=campaign,
            )
        )
    return made
