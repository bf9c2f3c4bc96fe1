"""Other vendors' coding harnesses and agents, by the strings they leave in requests."""

from __future__ import annotations

from stillwatch.actors.opinion import Opinion, opinion_on_rules
from stillwatch.actors.view import View
from stillwatch.signals import signal


@signal(family="patterns", about="relay", needs=("patterns",))
def foreign_harness(view: View, *, caution: float = 1.3) -> Opinion:
    """Requests carry the strings of another vendor's harness.

    Share of exchanges that match harness rules. Weak: developers use these tools honestly with their own keys.

    Also seen in: developers who use open coding agents with their own key; tool vendors' test suites.
    Source: Anthropic, September 2026 (users of coding harnesses recognised and relayed).
    """
    knots = ((0.0, 0.0), (0.1, 0.3), (0.4, 0.8), (0.8, 1.2))
    return opinion_on_rules(
        view, "foreign_harness", knots, "carry the strings of a coding harness or agent", caution=caution
    )
