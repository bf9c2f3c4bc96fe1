"""Accounts of a group that carry nearly the same load."""

from __future__ import annotations

import numpy as np

from stillwatch.actors.dealing import load_spread
from stillwatch.actors.view import View
from stillwatch.actors.weigh import curve, trust
from stillwatch.signals import Opinion, signal


@signal(family="load", about="coordination", actors=("group",))
def even_load(view: View, *, min_accounts: int = 5) -> Opinion:
    """A group's accounts make nearly the same number of exchanges a day, as if a balancer dealt them out.

    Spread (standard deviation) of the logarithm of exchanges per active day over the group's accounts, with the
    spread of counting removed, against the same over all accounts. People differ by a factor of three and more.

    Also seen in: a class that does the same exercises; a fleet with one schedule.
    Source: Anthropic, February 2026 (load balancing over accounts).
    """
    inside, everybody, count = load_spread(view)
    relative = np.where(count >= min_accounts, inside / max(everybody, 0.6), np.nan)
    bits = curve(relative, ((0.1, 2.8), (0.25, 2.0), (0.45, 0.9), (0.7, 0.0), (1.0, -0.5), (1.4, -0.8)))
    bits = bits * trust(count, 15.0)

    def says(i: int) -> str:
        return (
            f"The load of its accounts differs by a factor of {np.exp(inside[i]):.1f}; "
            f"that of all accounts by {np.exp(everybody):.1f}."
        )

    def facts(i: int) -> dict[str, float]:
        return {"spread": float(inside[i]), "spread_of_all": everybody, "accounts": float(count[i])}

    return Opinion(-relative, bits, says, facts)
