"""Activity without a night: each account spreads evenly over the hours of the day."""

from __future__ import annotations

import numpy as np

from stillwatch.actors.clock import unevenness, unevenness_text
from stillwatch.actors.view import View
from stillwatch.actors.weigh import curve, trust
from stillwatch.signals import Opinion, signal


@signal(family="rhythm", about="conduct")
def round_the_clock(view: View, *, min_exchanges: int = 60, min_days: float = 2.0) -> Opinion:
    """An actor's accounts show no human rhythm: the hours of the day are used evenly.

    Overdispersion of an account's hours of the day against a flat clock, per exchange: (chi-square - 23) / n,
    summed over the accounts. A machine fed from a queue is near 0; people, who sleep and work in bouts, lie near 1.

    Also seen in: scheduled jobs; nightly evaluation; a product whose users are all over the world.
    Source: advisory AA26-251A, indicator 1 (no human rhythm or idle).
    """
    uneven, total = unevenness(view, min_days=min_days)
    asked = (total >= min_exchanges) & (total >= 0.3 * view.n)
    uneven = np.where(asked, uneven, np.nan)
    enough = trust(total, 4 * min_exchanges)
    knots = ((0.0, 2.2), (0.08, 1.8), (0.2, 0.8), (0.4, 0.0), (0.8, -0.7), (1.6, -1.2), (4.0, -2.2))
    bits = curve(uneven, knots) * enough

    def says(i: int) -> str:
        kind = "no night" if uneven[i] < 0.3 else "a daily rhythm" if uneven[i] > 0.6 else "a weak daily rhythm"
        who = "It shows" if view.size[i] == 1 else "Its accounts show"
        return f"{who} {kind}: unevenness over the hours of the day {unevenness_text(uneven[i])} (0 is a flat clock)."

    def facts(i: int) -> dict[str, float]:
        return {"unevenness": float(uneven[i]), "exchanges": float(total[i])}

    return Opinion(-uneven, bits, says, facts)
