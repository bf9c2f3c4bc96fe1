"""System prompts or prompts that tell the model it is another vendor's."""

from __future__ import annotations

from stillwatch.actors.opinion import Opinion, opinion_on_rules
from stillwatch.actors.view import View
from stillwatch.signals import signal


@signal(family="patterns", about="relay", needs=("patterns",))
def identity_replacement(view: View, *, caution: float = 1.3) -> Opinion:
    """The model is told that it is another vendor's model and to say so when asked.

    Share of exchanges whose prompt or system prompt replaces the model's identity: a relay serves another
    vendor's own users, who are not to notice.

    Also seen in: white-label assistants with a persona; role play; companies that name their support bot.
    Source: Anthropic, September 2026 (users who thought they used another model).
    """
    knots = ((0.0, 0.0), (0.05, 1.0), (0.3, 2.8), (0.7, 4.0))
    return opinion_on_rules(
        view, "identity_replacement", knots, "tell the model that it is another vendor's model", caution=caution
    )
