"""Accounts that resell or route openly, under a contract that says so."""

from __future__ import annotations

import numpy as np

from stillwatch.actors.members import share_where
from stillwatch.actors.view import View
from stillwatch.actors.weigh import curve
from stillwatch.signals import Opinion, signal


@signal(family="reseller", about="explanation", needs=("account.kind",))
def declared_reseller(view: View, *, most_bits: float = -4.0) -> Opinion:
    """Most of an actor's traffic belongs to accounts that the provider knows as resellers.

    Share of its exchanges and of its accounts of kind `reseller`: they pool keys, strip metadata and carry
    many end users by trade.

    Also seen in: unauthorised resale that borrows a declared reseller's account.
    Source: the hard negatives of the public record (enterprise gateways, legitimate routers).
    """
    reseller = np.asarray([k == "reseller" for k in view.book.customer["kind"]], dtype=float)
    accounts = share_where(view, view.book.customer["kind"], ("reseller",))
    traffic = view.add(reseller * view.book.n) / np.maximum(view.n, 1.0)
    share = np.minimum(accounts, traffic)
    bits = most_bits * curve(share, ((0.3, 0.0), (0.9, 1.0)))

    def says(i: int) -> str:
        return f"{traffic[i]:.0%} of its exchanges come from declared resellers ({accounts[i]:.0%} of its accounts)."

    def facts(i: int) -> dict[str, float]:
        return {"reseller_share_of_exchanges": float(traffic[i]), "reseller_share_of_accounts": float(accounts[i])}

    return Opinion(-share, bits, says, facts)
