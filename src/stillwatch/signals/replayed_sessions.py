"""The same stored conversations sent under several accounts."""

from __future__ import annotations

import numpy as np

from stillwatch.actors.breadth import distinct_values, met_across_accounts
from stillwatch.actors.view import View
from stillwatch.actors.weigh import curve, trust
from stillwatch.signals import Opinion, signal


@signal(family="history", about="relay", needs=("turns",), actors=("group",))
def replayed_sessions(view: View, *, min_histories: int = 15) -> Opinion:
    """A group's accounts send the same inbound histories, and many different ones.

    Share of exchanges with a history whose history another account of the group also sent. A few-shot prompt is
    one history in many accounts, so the number of different shared histories is asked too.

    Also seen in: fixed few-shot examples; one app's canned opening dialogue; fallback routers that retry.
    Source: Anthropic, September 2026 (store and replay; cross-session replay).
    """
    met, rows = met_across_accounts(view, "history")
    table = view.book.marks["history"]
    shared = np.zeros(view.actors)
    if table.counts.nnz and view.membership is not None:
        binary = table.binary
        inside = view.matrix(binary)
        inside.data = (inside.data >= 2).astype(float)
        shared = np.asarray(inside.sum(axis=1)).ravel()
    distinct, _ = distinct_values(view, "history")
    share = np.where(rows >= 2 * min_histories, met / np.maximum(rows, 1.0), np.nan)
    variety = np.clip(shared / (4.0 * min_histories), 0.0, 1.0)
    bits = curve(share * variety, ((0.0, 0.0), (0.02, 0.3), (0.1, 1.6), (0.4, 3.2))) * trust(shared, min_histories)

    def says(i: int) -> str:
        return (
            f"{share[i]:.0%} of {int(rows[i]):,} exchanges with a history carry one that another of its accounts "
            f"also sent ({int(shared[i]):,} different histories)."
        )

    def facts(i: int) -> dict[str, float]:
        return {
            "replayed_share": float(share[i]),
            "shared_histories": float(shared[i]),
            "histories": float(distinct[i]),
        }

    return Opinion(share * variety, bits, says, facts)
