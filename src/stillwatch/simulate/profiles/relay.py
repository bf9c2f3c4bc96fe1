"""Another vendor's users served through these accounts, with ordinary customers beside them.

Source: see relay_moonshot.
Assumed: the number of ordinary customers.
"""

from __future__ import annotations

from stillwatch.simulate.bundles import together
from stillwatch.simulate.cohort import Cohort
from stillwatch.simulate.stage import Stage

DESCRIPTION = "The relay of September with ordinary customers and a declared router beside it."
DAYS = 10.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this bundle."""
    return together(stage, [("relay_moonshot", 1.0), ("ordinary", 0.2), ("router", 0.2)])
