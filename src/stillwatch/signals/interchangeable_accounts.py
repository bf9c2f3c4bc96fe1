"""Accounts whose prompts are no more like their own than like each other's: one queue or one public behind all."""

from __future__ import annotations

import numpy as np

from stillwatch.actors.breadth import common_frames
from stillwatch.actors.dealing import own_habits
from stillwatch.actors.view import View
from stillwatch.actors.weigh import curve, trust
from stillwatch.signals import Opinion, signal


@signal(family="dealing", about="coordination", needs=("topic",), actors=("group",))
def interchangeable_accounts(
    view: View, *, min_prompts: int = 150, min_pairs: int = 200, least_habit: float = 0.004
) -> Opinion:
    """Two prompts of one of the group's accounts are no more alike than two prompts of two of its accounts.

    People have matters of their own: their prompts resemble themselves. Where a balancer deals a task list, or a
    relay's users, over accounts, nothing in an account is its own. Mean inner product of SimHash bits within accounts
    less that between accounts, as a share of the same difference for ordinary accounts.

    Also seen in: users of an app whose template drowns their own words; classes with one assignment.
    Source: Anthropic, February 2026 (load balancing over accounts), read as a property of the content.
    """
    mine, pairs, habit = own_habits(view)
    n = view.add(view.book.topic_rows)
    # Accounts of one prompt each have no pair to show a habit by.
    asked = (n >= min_prompts) & (pairs >= min_pairs) & (view.size >= 3) & (habit >= least_habit)
    value = np.where(asked, 1.0 - mine / max(habit, 1e-9), np.nan)
    bits = curve(value, ((-0.5, -1.0), (0.2, -0.4), (0.5, 0.0), (0.8, 1.0), (0.97, 1.8)))
    bits = bits * trust(n, 4 * min_prompts) * trust(pairs, 10 * min_pairs)
    # A frame that an app puts round every prompt drowns what is its users' own.
    bits = np.where(bits > 0, bits * (1.0 - 0.5 * curve(common_frames(view), ((0.6, 0.0), (0.95, 1.0)))), bits)

    def says(i: int) -> str:
        return (
            f"An account's prompts resemble each other more than those of its fellow accounts by {mine[i]:.3f}; "
            f"for ordinary accounts the difference is {habit:.3f}."
        )

    def facts(i: int) -> dict[str, float]:
        return {"own_habit": float(mine[i]), "usual_habit": habit, "prompts": float(n[i])}

    return Opinion(value, bits, says, facts)

