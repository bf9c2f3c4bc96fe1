"""Bulk use that the provider has agreed to."""

from __future__ import annotations

import numpy as np

from stillwatch.actors.allowed import allowed_accounts
from stillwatch.actors.view import View
from stillwatch.actors.weigh import curve
from stillwatch.signals import Opinion, signal


@signal(family="agreement", about="explanation")
def agreed_use(view: View, *, most_bits: float = -9.0) -> Opinion:
    """An actor's accounts hold an `allow` that was valid during their use: that is no harvest.

    Share of its exchanges from accounts with a reason and an end after their last exchange.

    Also seen in: nobody else; an `allow` that ran out explains nothing.
    Source: the contract's field `allow`; authorised synthetic-data teams.
    """
    allowed = allowed_accounts(view.book).astype(float)
    share = view.add(allowed * view.book.n) / np.maximum(view.n, 1.0)
    bits = most_bits * curve(share, ((0.3, 0.0), (0.9, 1.0)))

    def says(i: int) -> str:
        return f"{share[i]:.0%} of its exchanges are covered by an agreement that was valid at the time."

    def facts(i: int) -> dict[str, float]:
        return {"agreed_share": float(share[i])}

    return Opinion(-share, bits, says, facts)
