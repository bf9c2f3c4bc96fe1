"""A class, a course or a hackathon: opened together, given the same exercises, awake by day."""

from __future__ import annotations

import numpy as np

from stillwatch.actors.breadth import met_across_accounts, spread_of_repeats
from stillwatch.actors.clock import unevenness
from stillwatch.actors.members import share_where
from stillwatch.actors.view import View
from stillwatch.actors.weigh import curve
from stillwatch.signals import Opinion, signal


@signal(family="cohort", about="explanation", needs=("prompt",), actors=("group",))
def taught_cohort(view: View, *, most_bits: float = -3.0) -> Opinion:
    """A group's accounts send each other's exact prompts, as a class does, or are education or research accounts.

    A cohort repeats the same assignment in most of its accounts; a queue deals an item to one, or to few.
    Education plans alone explain less, since they are abused.

    Also seen in: fraudulent accounts on educational plans (the pathway most abused).
    Source: Anthropic, February 2026 (education pathways); the hard negatives of the public record.
    """
    met, rows = met_across_accounts(view, "prompt")
    same = met / np.maximum(rows, 1.0)
    taught = share_where(view, view.book.customer["kind"], ("education", "research"))
    spread = spread_of_repeats(view, "prompt")
    uneven, asked = unevenness(view)
    # A queue that wants several samples of each item repeats itself as well, but never sleeps, and no account of it
    # works through the whole list as a benchmark team does.
    by_day = np.where(asked >= 50, curve(uneven, ((0.2, 0.0), (0.6, 1.0))), 1.0)
    together = np.maximum(by_day * curve(spread, ((0.05, 0.0), (0.3, 1.0))), curve(spread, ((0.4, 0.0), (0.7, 1.0))))
    value = together * curve(same, ((0.03, 0.0), (0.25, 0.7))) + 0.3 * by_day * curve(taught, ((0.4, 0.0), (0.9, 1.0)))
    bits = np.where(rows >= 30, most_bits * value, 0.0)

    def says(i: int) -> str:
        return (
            f"{same[i]:.0%} of its prompts were sent by several of its accounts word for word; {taught[i]:.0%} are "
            "education or research accounts."
        )

    def facts(i: int) -> dict[str, float]:
        return {"same_prompt_share": float(same[i]), "education_share": float(taught[i])}

    return Opinion(-value, bits, says, facts)
