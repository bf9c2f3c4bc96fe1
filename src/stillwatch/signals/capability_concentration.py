"""All of an actor's prompts point at one narrow matter."""

from __future__ import annotations

import numpy as np

from stillwatch.actors.view import View
from stillwatch.actors.weigh import curve, trust
from stillwatch.signals import Opinion, signal


@signal(family="content", about="conduct", needs=("topic",))
def capability_concentration(view: View, *, min_prompts: int = 40) -> Opinion:
    """An actor's prompts are far more alike in their words than other customers' are to themselves.

    Mean inner product of two of its prompts' SimHash bits (sampling noise removed), against the middle and
    the spread of the same figure over all accounts.

    Also seen in: support bots; a team with one product; a customer's batch job.
    Source: Anthropic, February 2026 (volume concentrated in few areas).
    """

    def alike(sums: np.ndarray, rows: np.ndarray) -> np.ndarray:
        square = (sums**2).sum(axis=1) / 64.0
        pairs = np.maximum(rows * (rows - 1.0), 1.0)
        return np.where(rows >= min_prompts, (square - rows) / pairs, np.nan)

    book = view.book
    everybody = alike(book.topics, book.topic_rows)
    seen = everybody[np.isfinite(everybody)]
    middle = float(np.median(seen)) if len(seen) >= 20 else 0.08
    rows = view.add(book.topic_rows)
    mine = alike(view.add(book.topics), rows)
    excess = (mine - middle) / max(1.0 - middle, 0.1)
    bits = curve(excess, ((-0.2, -0.6), (0.0, -0.3), (0.1, 0.2), (0.3, 1.0), (0.6, 1.6))) * trust(rows, 4 * min_prompts)

    def says(i: int) -> str:
        return (
            f"Over all pairs of its {int(rows[i]):,} prompts, two agree on average in {mine[i]:.2f} of their word "
            f"directions; over all pairs of an ordinary account's prompts, in {middle:.2f}."
        )

    def facts(i: int) -> dict[str, float]:
        return {"likeness": float(mine[i]), "likeness_of_others": middle, "prompts": float(rows[i])}

    return Opinion(excess, bits, says, facts)
