"""March-April: stored sessions of a vendor's own users are sent again; 1,500 accounts, 400,000 in 20 days.

Source: Anthropic, September 2026 (the accuser's claim; read through notes).
Assumed: Order and hours of the replay are assumed.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import everyday, judging

DESCRIPTION = "March-April: stored sessions of a vendor's own users are sent again; 1,500 accounts, 400,000 in 20 days."
DAYS = 20.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    campaign = stage.campaign(
        "replay_xiaomi",
        "replay",
        "Anthropic, September 2026 (the accuser's claim; read through notes).",
        "Order and hours of the replay are assumed.",
    )
    size = stage.size(1_500)
    tongues = ("zh", "en", "ja", "ko", "ru", "ar", "es", "fr", "de", "pt", "vi", "tr", "th")
    wants = [
        Traffic(
            judging.served(everyday.chat(), everyday.coding(), swapped=False, languages=tongues),
            0.6,
            foreign=0.9,
            session_ids=0.0,
        ),
        Traffic(
            judging.harness(),
            0.4,
            foreign=0.9,
            templates=3,
            template_by="row",
            session_ids=0.0,
            tools=judging.TOOLSETS["burrow"],
        ),
    ]
    return [
        Cohort(
            "replay_xiaomi",
            size,
            wants,
            stage.knob(13.3, 8, 40),
            0.4,
            "replay",
            campaign,
            signup=Signup(shared={"payment": (stage.knob(0.35, 0, 0.8), 8), "device": (0.3, 6)}, age_days=(1, 40)),
            line=Line("server", 1, pooled=0.5, pool_size=max(2, size // 20), client="harness"),
            rhythm="flat",
            bursty=0.1,
            models="best",
        )
    ]
