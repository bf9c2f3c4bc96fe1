"""12,000 different attempts to get reasoning out, mostly refused; then one winner is scaled.

Source: Anthropic, September 2026 (the accuser's claim; read through notes).
Assumed: 60 accounts, 16 days and the size of the scaled phase are assumed.
"""

from __future__ import annotations

from stillwatch.simulate.cohort import Cohort, Line, Signup, Traffic
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.texts import judging

DESCRIPTION = "12,000 different attempts to get reasoning out, mostly refused; then one winner is scaled."
DAYS = 16.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this profile."""
    campaign = stage.campaign(
        "bypass_search",
        "distillation",
        "Anthropic, September 2026 (the accuser's claim; read through notes).",
        "60 accounts, 16 days and the size of the scaled phase are assumed.",
    )
    size = stage.size(60)
    turn = stage.days * 0.5
    wants = [
        Traffic(judging.evading(False), 1.0, refused=0.85, until_day=turn, output_tokens=150),
        Traffic(
            judging.evading(True),
            1.0,
            items="queue",
            queue="bs",
            template_by="row",
            refused=0.05,
            from_day=turn,
            output_tokens=900,
        ),
    ]
    return [
        Cohort(
            "bypass_search",
            size,
            wants,
            stage.knob(25, 15, 60),
            0.6,
            "harvest",
            campaign,
            signup=Signup(shared={"payment": (stage.knob(0.3, 0, 0.8), 5)}, age_days=(1, 60)),
            line=Line("server", 2, pooled=0.3, pool_size=max(1, size // 8), client="sdk"),
            rhythm="office",
            bursty=0.3,
            models="best",
        )
    ]
