"""Many different prompts that fill the same few templates."""

from __future__ import annotations

import numpy as np

from stillwatch.actors.breadth import distinct_values
from stillwatch.actors.view import View
from stillwatch.actors.weigh import curve, trust
from stillwatch.signals import Opinion, signal


@signal(family="content", about="conduct", needs=("prompt",))
def template_sweep(view: View, *, min_prompts: int = 50) -> Opinion:
    """Most of an actor's prompts fill the same few templates, and hardly two are the same.

    Share of prompts whose opening or closing words repeat an earlier one, times the share of prompts
    that are different from all others. People repeat neither; a health check repeats both.

    Also seen in: batch jobs over a customer's own table; evaluation harnesses; apps with one template.
    Source: Anthropic, February 2026 (variations of one prompt, tens of thousands of times).
    """
    repeated = np.zeros(view.actors)
    for name in ("opening", "closing"):
        distinct, rows = distinct_values(view, name)
        worth = np.minimum(rows / np.maximum(view.n, 1.0), 1.0)
        repeated = np.maximum(repeated, worth * (1.0 - distinct / np.maximum(rows, 1.0)))
    different, rows = distinct_values(view, "prompt")
    fresh = different / np.maximum(rows, 1.0)
    sweep = np.where(rows >= min_prompts, repeated * fresh, np.nan)
    bits = curve(sweep, ((0.0, -1.0), (0.2, -0.3), (0.4, 0.4), (0.7, 1.5), (0.95, 2.3))) * trust(rows, 4 * min_prompts)

    def says(i: int) -> str:
        if bits[i] <= 0:
            return f"{repeated[i]:.0%} of {int(rows[i]):,} prompts begin or end like another: few templates, if any."
        return (
            f"{repeated[i]:.0%} of {int(rows[i]):,} prompts repeat an earlier one's first or last words while "
            f"{fresh[i]:.0%} of the prompts are different: templates filled from a list."
        )

    def facts(i: int) -> dict[str, float]:
        return {"repeated_share": float(repeated[i]), "distinct_share": float(fresh[i]), "prompts": float(rows[i])}

    return Opinion(sweep, bits, says, facts)
