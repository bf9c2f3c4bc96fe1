"""Accounts that somebody deals single pieces of work to: no matters of their own, one load, nothing sent twice."""

from __future__ import annotations

import numpy as np

from stillwatch.actors.breadth import common_frames, distinct_values, met_across_accounts
from stillwatch.actors.dealing import load_spread, own_habits
from stillwatch.actors.view import View
from stillwatch.actors.weigh import curve, trust
from stillwatch.signals import Opinion, signal


@signal(family="dealing", about="conduct", needs=("topic", "prompt", "turns"), actors=("group",))
def dealt_work(
    view: View, *, min_prompts: int = 300, min_accounts: int = 8, least_habit: float = 0.004
) -> Opinion:
    """A group's accounts work off one list: single prompts, never the same twice, none with matters of its own.

    Product of four shares: how far the accounts lack habits of their own, how even their load is, how many prompts
    are single ones, and how many are sent by one account only. Each is seen of honest groups; all four together are
    how a balancer deals a task list to accounts, with or without a common template, address or card.

    A frame that an app puts round every prompt drowns what is its users' own: where one is, the signal says little.

    Also seen in: bots of one product that work under their owners' accounts; a batch job spread over many keys.
    Source: Anthropic, February 2026 (load balancing over accounts); the hard case of a ring without infrastructure.
    """
    mine, pairs, habit = own_habits(view)
    n = view.add(view.book.topic_rows)
    inside, everybody, accounts = load_spread(view)
    alike = curve(1.0 - mine / max(habit, 1e-9), ((0.5, 0.0), (0.9, 1.0)))
    even = curve(inside / max(everybody, 0.6), ((0.15, 1.0), (0.4, 0.7), (0.75, 0.0)))
    told = view.sum("known_turns")
    single = 1.0 - curve(view.sum("with_history") / np.maximum(told, 1.0), ((0.15, 0.0), (0.55, 1.0)))
    met, rows = met_across_accounts(view, "prompt")
    distinct, _ = distinct_values(view, "prompt")
    fresh = curve(met / np.maximum(rows, 1.0), ((0.01, 1.0), (0.1, 0.0))) * curve(
        distinct / np.maximum(rows, 1.0), ((0.5, 0.0), (0.9, 1.0))
    )
    seen = (n >= min_prompts) & (pairs >= min_prompts) & (told >= 0.5 * view.n)
    asked = seen & (accounts >= min_accounts) & (habit >= least_habit)
    heard = 1.0 - 0.8 * curve(common_frames(view), ((0.6, 0.0), (0.95, 1.0)))
    value = np.where(asked, alike * even * single * fresh * heard, np.nan)
    bits = curve(value, ((0.1, 0.0), (0.4, 1.2), (0.8, 2.6))) * trust(n, 3 * min_prompts) * trust(accounts, 20.0)

    def says(i: int) -> str:
        return (
            f"Its {int(accounts[i]):,} accounts look dealt to: {single[i]:.0%} single prompts, {fresh[i]:.0%} sent by "
            f"one account only, {alike[i]:.0%} without habits of their own, {even[i]:.0%} evenness of load."
        )

    def facts(i: int) -> dict[str, float]:
        return {
            "lack_of_habits": float(alike[i]), "evenness": float(even[i]), "single_prompts": float(single[i]),
            "sent_once": float(fresh[i]), "prompts": float(n[i]),
        }  # fmt: skip

    return Opinion(value, bits, says, facts)
