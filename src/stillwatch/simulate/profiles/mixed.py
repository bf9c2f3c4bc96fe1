"""A random draw: two to four campaigns, six to ten look-alikes, ordinary customers, each with its own knobs.

Source: see the profiles it draws on.
Assumed: all sizes, log-uniform; a share of worlds lacks addresses, clients or parts of the accounts.
"""

from __future__ import annotations

import numpy as np

from stillwatch.simulate.bundles import CAMPAIGNS, LOOK_ALIKES, PUBLISHED_ACCOUNTS, thinned, together
from stillwatch.simulate.cohort import Cohort
from stillwatch.simulate.stage import Stage

DESCRIPTION = "A random draw of campaigns and look-alikes with random knobs, for training and tests."
DAYS = 12.0


def build(stage: Stage) -> list[Cohort]:
    """The cohorts of this bundle."""
    rng = stage.rng
    guilty = rng.choice(CAMPAIGNS, int(rng.integers(2, 5)), replace=False)
    alike = rng.choice(LOOK_ALIKES, int(rng.integers(6, 11)), replace=False)
    parts = [(str(n), float(np.exp(rng.uniform(np.log(30), np.log(300)))) / PUBLISHED_ACCOUNTS[str(n)]) for n in guilty]
    parts += [(str(n), float(np.exp(rng.uniform(np.log(0.004), np.log(0.04))))) for n in alike]
    return thinned(together(stage, [*parts, ("ordinary", 0.012)]), 30_000 * max(stage.scale, 0.05), stage.days)
