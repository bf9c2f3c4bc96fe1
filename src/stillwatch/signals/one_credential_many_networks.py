"""Credentials that are used from very many networks."""

from __future__ import annotations

import numpy as np

from stillwatch.actors.breadth import distinct_values
from stillwatch.actors.view import View
from stillwatch.actors.weigh import curve, trust
from stillwatch.signals import Opinion, signal


@signal(family="exits", about="conduct", needs=("ip",))
def one_credential_many_networks(view: View, *, min_exchanges: int = 40) -> Opinion:
    """An actor's accounts each come from many networks, as traffic behind rotating proxies does.

    Distinct /24 or /48 networks of each account per square root of its exchanges, averaged over the actor's
    accounts and set against all accounts.

    Also seen in: a team key in continuous integration; travellers; serverless functions; mobile users.
    Source: AA26-251A, indicator 3; Anthropic, September 2026 (residential proxies).
    """
    book = view.book
    table = book.marks["net"]
    n = np.maximum(table.rows, 1.0)
    breadth = table.held / np.sqrt(n)
    use = (table.rows >= 5).astype(float)
    middle = float(np.median(breadth[use > 0])) if use.sum() >= 20 else 0.3
    mean = view.add(use * breadth) / np.maximum(view.add(use), 1.0)
    rows = view.add(table.rows)
    value = np.where(rows >= min_exchanges, np.log2(np.maximum(mean, 1e-3) / max(middle, 1e-3)), np.nan)
    bits = curve(value, ((0.0, -0.1), (0.7, 0.0), (2.0, 0.7), (4.0, 1.1))) * trust(rows, 3 * min_exchanges)
    distinct, _ = distinct_values(view, "net")

    def says(i: int) -> str:
        who, whose = ("It uses", "its") if view.size[i] == 1 else ("Its accounts use", "their")
        return (
            f"{who} {2.0 ** value[i]:.1f} times as many networks as an ordinary account of {whose} volume "
            f"({int(distinct[i]):,} networks in all)."
        )

    def facts(i: int) -> dict[str, float]:
        return {"times_ordinary": float(2.0 ** value[i]), "networks": float(distinct[i])}

    return Opinion(value, bits, says, facts)
