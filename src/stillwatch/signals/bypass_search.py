"""Many different attempts, mostly refused, among which a few worked and were scaled."""

from __future__ import annotations

import numpy as np

from stillwatch.actors.breadth import distinct_values
from stillwatch.actors.view import View
from stillwatch.actors.weigh import careful_share, curve
from stillwatch.signals import Opinion, signal


@signal(family="bypass", about="conduct", needs=("finish_reason", "prompt"))
def bypass_search(view: View, *, min_refusals: int = 20) -> Opinion:
    """An actor tries many different wordings that are refused, far more often than others meet a refusal.

    Careful share of refused answers among exchanges, times how different its prompts are.

    Also seen in: red-team researchers; moderation tests; users of sensitive trades (medicine, law).
    Source: Anthropic, September 2026 (12,000 test requests, most refused, winners scaled).
    """
    refused = view.sum("refused")
    n = np.maximum(view.n, 1.0)
    base = float(view.book.sums["refused"].sum()) / max(float(view.book.n.sum()), 1.0)
    distinct, rows = distinct_values(view, "prompt")
    share = careful_share(refused, n) * np.clip(distinct / np.maximum(rows, 1.0), 0.0, 1.0)
    excess = np.where(view.book.n.sum() > 0, np.maximum(share - 2.0 * base, 0.0), np.nan)
    bits = np.where(refused >= min_refusals, curve(excess, ((0.0, 0.0), (0.03, 0.6), (0.1, 1.6), (0.4, 3.0))), 0.0)

    def says(i: int) -> str:
        return (
            f"{refused[i] / n[i]:.0%} of {int(view.n[i]):,} exchanges were refused ({base:.1%} at large), "
            "with ever different wordings."
        )

    def facts(i: int) -> dict[str, float]:
        return {"refused_share": float(refused[i] / n[i]), "refused_share_at_large": base, "refused": float(refused[i])}

    return Opinion(excess, bits, says, facts)
