"""Conversations that quote answers which we gave to another account."""

from __future__ import annotations

import numpy as np

from stillwatch.actors.view import View
from stillwatch.actors.weigh import careful_share, curve, trust
from stillwatch.signals import Opinion, signal


@signal(family="history", about="coordination", needs=("completion", "turns"))
def borrowed_history(view: View, *, min_turns: int = 20) -> Opinion:
    """Assistant turns in an actor's histories were given by us to other accounts: one conversation over several.

    Asked as `foreign_history` is; answers that more than twenty accounts got are left out.

    Also seen in: one organisation with several billing accounts; people who paste a colleague's conversation.
    Source: Anthropic, September 2026 (pools that serve one product); AA26-251A (automated failover).
    """
    book = view.book
    logged = book.column_known("completion") >= 0.9
    seen = view.add(np.where(logged, book.turns_seen, 0.0))
    borrowed = view.add(np.where(logged, book.turns_borrowed, 0.0))
    share = np.where(seen >= min_turns, careful_share(borrowed, seen), np.nan)
    bits = curve(share, ((0.0, 0.0), (0.03, 0.3), (0.15, 1.8), (0.5, 3.0))) * trust(seen, 3 * min_turns)

    def says(i: int) -> str:
        return (
            f"{borrowed[i] / max(seen[i], 1):.0%} of {int(seen[i]):,} assistant turns in its histories were given "
            "by us, but to another account."
        )

    def facts(i: int) -> dict[str, float]:
        return {"borrowed_share": float(borrowed[i] / max(seen[i], 1.0)), "turns": float(seen[i])}

    return Opinion(share, bits, says, facts)
