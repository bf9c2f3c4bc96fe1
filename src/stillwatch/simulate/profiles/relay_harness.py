"""September: users of coding harnesses, recognised by strings in the request, are silently relayed.

Source: Anthropic, September 2026 (the accuser's claim; read through notes).
Assumed: 4,000 accounts are assumed; 12.1M in 14 days are published.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import judging

DESCRIPTION = "September: users of coding harnesses, recognised by strings in the request, are silently relayed."
DAYS = 14.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    campaign = stage.campaign(
        "relay_harness",
        "relay",
        "Anthropic, September 2026 (the accuser's claim; read through notes).",
        "4,000 accounts are assumed; 12.1M in 14 days are published.",
    )
    size = stage.size(4_000)
    wants = [
        Traffic(
            judging.harness(swapped=True),
            turns=3,
            gap_s=30,
            foreign=0.5,
            templates=5,
            template_by="row",
            session_ids=0.0,
            tools=judging.TOOLSETS["forge"],
            parts=True,
        )
    ]
    return [
        Cohort(
            "relay_harness",
            size,
            wants,
            stage.knob(216, 10, 60),
            0.4,
            "relay",
            campaign,
            signup=Signup(
                shared={"payment": (stage.knob(0.4, 0, 0.8), 10)},
                countries={"SG": 0.4, "JP": 0.3, "US": 0.3},
                age_days=(1, 40),
            ),
            line=Line("server", 2, pooled=0.4, pool_size=max(2, size // 25), client="sdk"),
            rhythm="human",
            bursty=0.1,
            models="best",
        )
    ]
