"""Accounts that hold what the accounts of another provider's harvest held."""

from __future__ import annotations

import numpy as np

from stillwatch.actors.view import View
from stillwatch.actors.weigh import curve
from stillwatch.signals import Opinion, signal


@signal(family="foreign", about="conduct")
def foreign_tokens(view: View, *, most_bits: float = 1.0) -> Opinion:
    """An actor's accounts hold a payment method, address, telephone or device of another provider's harvest.

    Share of its accounts that hold tokens of one foreign campaign, times how sure the source is. It says who they are,
    not what they do here: less than templates say, and with them never more than these alone could.

    Also seen in: customers on a virtual card, device or telephone that was the campaign's before or beside them; a
    household; customers whom a hostile source wants accused, since it can make tokens of values that it knows.
    Source: sharing between providers through STIX and MISP; RFC 9497 (tokens).
    """
    foreign = view.book.foreign
    share = np.zeros(view.actors)
    if foreign.tokens:
        inside = np.asarray(view.matrix(foreign.holders()).todense(), dtype=float)
        part = inside / np.maximum(view.size, 1.0)[:, None]
        share = (part * foreign.confidence[None, :]).max(axis=1, initial=0.0)
    bits = most_bits * curve(share, ((0.0, 0.0), (0.2, 0.25), (0.7, 1.0)))

    def says(i: int) -> str:
        return (
            f"{share[i]:.0%} of its {int(view.size[i]):,} accounts (weighted by how sure the source is) hold what the "
            "accounts of a harvest held that another provider saw."
        )

    def facts(i: int) -> dict[str, float]:
        return {"matched_share": float(share[i]), "accounts": float(view.size[i])}

    return Opinion(share if foreign.tokens else np.full(view.actors, np.nan), bits, says, facts)
