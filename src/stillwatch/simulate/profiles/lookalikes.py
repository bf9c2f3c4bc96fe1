"""All look-alikes and ordinary customers, and no campaign at all.

Source: see the profiles it draws on.
Assumed: sizes.
"""

from __future__ import annotations

from stillwatch.simulate.bundles import LOOK_ALIKES, thinned, together
from stillwatch.simulate.cohort import Cohort
from stillwatch.simulate.stage import Stage

DESCRIPTION = "All look-alikes and ordinary customers, no campaign."
DAYS = 14.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this bundle."""
    return thinned(
        together(stage, [("ordinary", 0.01), *((n, 0.01) for n in LOOK_ALIKES)]),
        100_000 * max(stage.scale, 0.05),
        stage.days,
    )
