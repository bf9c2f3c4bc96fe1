"""A first minute: three campaigns of different kinds, a dozen look-alikes and ordinary customers.

Source: see the profiles it draws on.
Assumed: sizes, so that it is made within seconds.
"""

from __future__ import annotations

from stillwatch.simulate.bundles import thinned, together
from stillwatch.simulate.cohort import Cohort
from stillwatch.simulate.stage import Stage

DESCRIPTION = "The first minute: three campaigns, a dozen look-alikes, ordinary customers."
DAYS = 10.0
_SMALL = (
    "eval_harness",
    "judge_pipeline",
    "coding_fleet",
    "framework_template",
    "router",
    "audit_capture",
    "classroom",
    "corporate_seats",
    "vpn_users",
    "support_bot",
    "migration_backfill",
    "power_user",
    "agreed_synthetic_data",
)


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this bundle."""
    parts = [
        ("letter", 0.0044),
        ("relay_moonshot", 0.012),
        ("replay_xiaomi", 0.04),
        ("ordinary", 0.01),
        *((n, 0.006) for n in _SMALL),
    ]
    return thinned(together(stage, parts), 5_000 * max(stage.scale, 0.05), stage.days)
