"""September: another vendor's users are served through 5,380 accounts; 300,000 requests in a ten-day sample.

Source: Anthropic, September 2026 (the accuser's claim; read through notes).
Assumed: Identity prompts, sharing and end-user behaviour are assumed.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import everyday, judging

DESCRIPTION = (
    "September: another vendor's users are served through 5,380 accounts; 300,000 requests in a ten-day sample."
)
DAYS = 10.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    campaign = stage.campaign(
        "relay_moonshot",
        "relay",
        "Anthropic, September 2026 (the accuser's claim; read through notes).",
        "Identity prompts, sharing and end-user behaviour are assumed.",
    )
    size = stage.size(5_380)
    keep = stage.knob(0.4, 0, 0.8)
    wants = [
        Traffic(
            judging.served(everyday.chat(), everyday.coding()),
            turns=1.6,
            foreign=0.55,
            templates=2,
            template_by="row",
            session_ids=0.0,
            refused=0.02,
        )
    ]
    return [
        Cohort(
            "relay_moonshot",
            size,
            wants,
            stage.knob(5.58, 4, 30),
            0.4,
            "relay",
            campaign,
            signup=Signup(
                shared={"payment": (keep, 10), "device": (keep, 8)},
                countries={"SG": 0.55, "JP": 0.45},
                age_days=(1, 50),
            ),
            line=Line("server", 2, pooled=stage.knob(0.4, 0, 0.8), pool_size=max(2, size // 25), client="sdk"),
            rhythm="human",
            bursty=0.1,
            models="best",
        )
    ]
