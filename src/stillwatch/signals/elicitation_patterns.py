"""Prompts that ask for the reasoning itself: behind completed answers, forced inline, past a safeguard, as traces."""

from __future__ import annotations

import numpy as np

from stillwatch.actors.view import View
from stillwatch.actors.weigh import careful_share, curve, rule_shares
from stillwatch.records.rules import TECHNIQUES
from stillwatch.signals import Opinion, signal

_WORTH = {
    "completed_answer_reasoning": 1.0,
    "trace_cleaning": 0.95,
    "safeguard_bypass": 0.85,
    "forced_reasoning": 0.75,
}


@signal(family="patterns", about="conduct", needs=("patterns",))
def elicitation_patterns(view: View, *, caution: float = 1.3) -> Opinion:
    """A large part of an actor's prompts are worded to draw out reasoning traces.

    Share of exchanges whose prompt or system prompt matches the rules of four techniques, each rule
    discounted by how often the innocent write so, and against the share among everybody else.

    Also seen in: audit capture in regulated trades; tutors ("show your work"); red-team researchers.
    Source: Anthropic, February and September 2026 (reasoning behind a completed answer; tags; bypass wording).
    """
    n = np.maximum(view.n, 1.0)
    shares = rule_shares(view, tuple(_WORTH))
    share = np.zeros(view.actors)
    for technique, worth in _WORTH.items():
        share = np.maximum(share, worth * careful_share(shares[technique] * n, n, caution=caution))
    bits = curve(share, ((0.0, -0.4), (0.01, 0.0), (0.05, 1.2), (0.15, 2.6), (0.4, 4.2), (0.8, 5.5)))
    bits = np.where((bits < 0) & (view.n < 30), 0.0, bits)

    def says(i: int) -> str:
        if bits[i] <= 0:
            return f"Hardly any of {int(view.n[i]):,} prompts asks for the reasoning behind answers."
        best = max(_WORTH, key=lambda t: float(_WORTH[t] * shares[t][i]))
        return f"{shares[best][i]:.0%} of {int(view.n[i]):,} prompts (weighted by rule strength): {TECHNIQUES[best]}."

    def facts(i: int) -> dict[str, float]:
        return {f"share_{t}": float(shares[t][i]) for t in _WORTH} | {"exchanges": float(view.n[i])}

    return Opinion(share, bits, says, facts)
