"""Half the traffic moved to a new model within a day of its release."""

from __future__ import annotations

import numpy as np

from stillwatch.actors.view import View
from stillwatch.actors.weigh import curve, trust
from stillwatch.signals import Opinion, signal


@signal(family="release", about="conduct", actors=("account", "group"))
def release_pivot(view: View, *, min_exchanges: int = 40) -> Opinion:
    """An actor moves much more of its traffic to a newly released model within 36 hours than others do.

    Share of its exchanges in the 36 hours after a release that ask for the new model, less the same share
    among all other accounts; only where it was active in the three days before.

    Also seen in: release-day benchmarking; products that always take the newest model.
    Source: Anthropic, February 2026 (nearly half the traffic within 24 hours); AA26-251A, indicator 9.
    """
    book = view.book
    nothing = np.full(view.actors, np.nan)
    if not book.pivots:
        return Opinion(nothing, np.zeros(view.actors), lambda i: "No release falls into the window.", lambda i: {})
    after, moved, before = (view.add(book.pivots[k]) for k in ("after", "moved", "before"))
    share = moved / np.maximum(after, 1.0)
    all_after, all_moved = book.pivots["after"].sum(axis=0), book.pivots["moved"].sum(axis=0)
    others = (all_moved[None, :] - moved) / np.maximum(all_after[None, :] - after, 1.0)
    gain = np.where((after >= min_exchanges) & (before >= min_exchanges), share - others, np.nan)
    seen = np.isfinite(gain).any(axis=1)
    best = np.where(seen, np.nan_to_num(gain, nan=-9.0).argmax(axis=1), 0)
    rows = np.arange(view.actors)
    top = np.where(seen, gain[rows, best], np.nan)
    bits = curve(top, ((0.0, -0.1), (0.15, 0.3), (0.35, 1.2), (0.7, 1.6))) * trust(after[rows, best], 3 * min_exchanges)

    def says(i: int) -> str:
        return (
            f"Within 36 hours of a release {share[i, best[i]]:.0%} of its exchanges asked for the new model; "
            f"{others[i, best[i]]:.0%} of everybody else's."
        )

    def facts(i: int) -> dict[str, float]:
        return {"moved_share": float(share[i, best[i]]), "moved_share_of_others": float(others[i, best[i]])}

    return Opinion(top, bits, says, facts)
