"""People's conversations, but on accounts that never sleep: many users behind each of several accounts."""

from __future__ import annotations

import numpy as np

from stillwatch.actors.breadth import distinct_values
from stillwatch.actors.clock import unevenness, unevenness_text
from stillwatch.actors.view import View
from stillwatch.actors.weigh import curve, trust
from stillwatch.signals import Opinion, signal


@signal(family="voices", about="relay", needs=("turns", "prompt"))
def many_voices(view: View, *, min_exchanges: int = 80) -> Opinion:
    """An actor's accounts carry human conversations in their own words, yet none of them has a human rhythm.

    Share of exchanges with an inbound history times the share of openings of their own, times how flat each
    account's clock is: one person talks like that, but sleeps.

    Also seen in: a product with users all over the world behind one key; declared resellers; gateways.
    Source: Anthropic, September 2026 (relays carry real users' diverse traffic and so defeat repetition detectors).
    """
    n = np.maximum(view.n, 1.0)
    distinct, rows = distinct_values(view, "opening")
    human = view.sum("with_history") / n * distinct / np.maximum(rows, 1.0)
    uneven, total = unevenness(view, least=20.0)
    flat = curve(uneven, ((0.05, 1.0), (0.25, 0.5), (0.5, 0.0)))
    value = np.where(total >= min_exchanges, human * flat, np.nan)
    bits = curve(value, ((0.02, 0.0), (0.1, 0.5), (0.3, 1.6), (0.6, 2.2))) * trust(total, 3 * min_exchanges)

    def says(i: int) -> str:
        where = "an account" if view.size[i] == 1 else "accounts"
        return (
            f"{human[i]:.0%} of its exchanges are conversations in people's own words, on {where} without a night "
            f"(unevenness over the day {unevenness_text(uneven[i])})."
        )

    def facts(i: int) -> dict[str, float]:
        return {"conversations_in_own_words": float(human[i]), "unevenness": float(uneven[i])}

    return Opinion(value, bits, says, facts)
