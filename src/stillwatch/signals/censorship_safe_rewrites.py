"""Sensitive matters rewritten to be censorship-safe."""

from __future__ import annotations

from stillwatch.actors.opinion import Opinion, opinion_on_rules
from stillwatch.actors.view import View
from stillwatch.signals import signal


@signal(family="patterns", about="conduct", needs=("patterns",))
def censorship_safe_rewrites(view: View, *, caution: float = 1.3) -> Opinion:
    """An actor has politically sensitive queries rewritten into harmless ones, in bulk.

    Share of exchanges that match rewriting rules.

    Also seen in: content-moderation vendors; localisation teams; journalists.
    Source: Anthropic, February 2026 (censorship-safe alternatives to sensitive queries).
    """
    knots = ((0.0, 0.0), (0.02, 0.6), (0.1, 1.8), (0.4, 2.8))
    return opinion_on_rules(
        view, "censorship_rewrite", knots, "have sensitive matters rewritten to be censorship-safe", caution=caution
    )
