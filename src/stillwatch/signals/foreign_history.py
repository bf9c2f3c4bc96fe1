"""Conversations that quote answers which we never gave."""

from __future__ import annotations

import numpy as np

from stillwatch.actors.view import View
from stillwatch.actors.weigh import careful_share, curve, trust
from stillwatch.signals import Opinion, signal


@signal(family="history", about="relay", needs=("completion", "turns"))
def foreign_history(view: View, *, min_turns: int = 30) -> Opinion:
    """Most assistant turns in an actor's inbound histories equal no answer that we returned to anybody.

    Asked only where nearly all completions are logged and the turn first appeared two days into the window.

    Also seen in: customers who move conversations between providers; edited or compacted histories; few-shot
    examples; routers that spread a conversation over models.
    Source: Anthropic, September 2026 (stored sessions replayed; traces carried into new sessions).
    """
    book = view.book
    logged = book.column_known("completion") >= 0.9
    seen = view.add(np.where(logged, book.turns_seen, 0.0))
    foreign = view.add(np.where(logged, book.turns_foreign, 0.0))
    share = np.where(seen >= min_turns, careful_share(foreign, seen), np.nan)
    total = float(book.turns_seen[logged].sum())
    base = float(book.turns_foreign[logged].sum()) / max(total, 1.0) if total else 0.0
    excess = np.clip((share - min(base, 0.9)) / max(1.0 - min(base, 0.9), 0.1), 0.0, 1.0)
    bits = curve(excess, ((0.0, -0.3), (0.1, 0.0), (0.3, 1.4), (0.7, 3.0), (0.95, 3.8))) * trust(seen, 4 * min_turns)

    def says(i: int) -> str:
        return (
            f"{foreign[i] / max(seen[i], 1):.0%} of {int(seen[i]):,} assistant turns that it sent as history "
            f"were never given by us ({base:.0%} at large)."
        )

    def facts(i: int) -> dict[str, float]:
        return {
            "foreign_share": float(foreign[i] / max(seen[i], 1.0)),
            "turns": float(seen[i]),
            "foreign_at_large": base,
        }

    return Opinion(np.where(np.isfinite(share), excess, np.nan), bits, says, facts)
