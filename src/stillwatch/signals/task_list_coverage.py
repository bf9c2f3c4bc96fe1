"""Items dealt from one queue: the same kind of prompt in many accounts, never the same item twice."""

from __future__ import annotations

import numpy as np

from stillwatch.actors.breadth import common_frames, distinct_values, met_across_accounts, spread_of_repeats
from stillwatch.actors.clock import unevenness
from stillwatch.actors.view import View
from stillwatch.actors.weigh import curve, trust
from stillwatch.signals import Opinion, signal


@signal(family="queue", about="conduct", needs=("prompt",), actors=("group",))
def task_list_coverage(view: View, *, min_prompts: int = 100) -> Opinion:
    """A group's accounts fill common templates with items that none of its other accounts ever sends.

    The share of exchanges whose opening or closing words another account of the group also sends (one kind of
    work), against the share whose whole prompt another account sends (the same piece of work). People who share
    a template or a textbook repeat each other; accounts that are fed from one queue do not.

    Also seen in: users of one app with one template and their own documents. Speaks for: classrooms, public
    benchmarks run by several teams.
    Source: the load balancing of the February 2026 report, read as a property of the items.
    """
    same_kind = common_frames(view)
    met, rows = met_across_accounts(view, "prompt")
    same_item = met / np.maximum(rows, 1.0)
    distinct, _ = distinct_values(view, "prompt")
    fresh = distinct / np.maximum(rows, 1.0)
    enough = (rows >= min_prompts) & (view.size >= 3)
    dealt = np.where(enough, same_kind * fresh - same_item, np.nan)
    bits = curve(same_kind * fresh, ((0.3, 0.0), (0.6, 0.9), (0.95, 1.8))) * trust(rows, 3 * min_prompts)
    # Several samples of each item also repeat it, in few accounts or at all hours; a class repeats it by day.
    spread = spread_of_repeats(view, "prompt")
    uneven, asked = unevenness(view)
    by_day = np.where(asked >= 50, curve(uneven, ((0.2, 0.0), (0.6, 1.0))), 1.0)
    shared_work = np.maximum(by_day * curve(spread, ((0.05, 0.0), (0.3, 1.0))), curve(spread, ((0.4, 0.0), (0.7, 1.0))))
    bits = bits + shared_work * curve(same_item, ((0.02, 0.0), (0.08, -1.0), (0.25, -2.2), (0.6, -3.2)))
    bits = np.where(enough, bits, 0.0)

    def says(i: int) -> str:
        return (
            f"{same_kind[i]:.0%} of the exchanges are of a kind that several of its accounts send, yet "
            f"{same_item[i]:.1%} of the prompts were ever sent by two of them."
        )

    def facts(i: int) -> dict[str, float]:
        return {
            "same_kind_share": float(same_kind[i]),
            "same_item_share": float(same_item[i]),
            "distinct_share": float(fresh[i]),
            "prompts": float(rows[i]),
        }

    return Opinion(dealt, bits, says, facts)
