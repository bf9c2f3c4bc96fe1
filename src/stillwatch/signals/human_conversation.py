"""Signs of people at work: conversations that go on, prompts that wander, the hours of a life."""

from __future__ import annotations

import numpy as np

from stillwatch.actors.breadth import distinct_values
from stillwatch.actors.view import View
from stillwatch.actors.weigh import curve, trust
from stillwatch.signals import Opinion, signal


@signal(family="people", about="conduct", needs=("turns", "prompt"))
def human_conversation(view: View, *, min_exchanges: int = 40) -> Opinion:
    """Many of an actor's exchanges continue a conversation with freely worded messages: it speaks for the actor.

    Share of exchanges with an inbound history, times the share of prompts whose opening words are their own.

    Also seen in: relays, which carry real users; harvesters who mix in decoy chat.
    Source: the hard negatives of the public debate; here to be weighed against the machine's signs.
    """
    n = np.maximum(view.n, 1.0)
    talking = view.sum("with_history") / n
    distinct, rows = distinct_values(view, "opening")
    free = distinct / np.maximum(rows, 1.0)
    human = np.where(view.n >= min_exchanges, talking * free, np.nan)
    bits = curve(human, ((0.05, 0.0), (0.2, -0.6), (0.5, -1.6), (0.8, -2.2))) * trust(view.n, 3 * min_exchanges)

    def says(i: int) -> str:
        return (
            f"{talking[i]:.0%} of its exchanges continue a conversation and {free[i]:.0%} of the prompts open in "
            "words of their own, as people's do."
        )

    def facts(i: int) -> dict[str, float]:
        return {"conversing_share": float(talking[i]), "own_words_share": float(free[i])}

    return Opinion(np.where(np.isfinite(human), -human, np.nan), bits, says, facts)
