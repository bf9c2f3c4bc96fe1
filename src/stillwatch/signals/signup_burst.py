"""Accounts of a group that were opened within days of each other."""

from __future__ import annotations

import numpy as np

from stillwatch.actors.view import View
from stillwatch.actors.weigh import curve, trust
from stillwatch.signals import Opinion, signal

_HOUR_US = 3_600e6


@signal(family="signup_time", about="coordination", needs=("account.created_at",), actors=("group",))
def signup_burst(view: View, *, min_accounts: int = 5) -> Opinion:
    """A group's accounts were opened in bursts, far denser than sign-ups are at that time.

    The chance that two of its accounts were opened within 48 hours of each other, over the same chance for two
    accounts at large.

    Also seen in: classrooms and hackathons; a company's roll-out; a public launch.
    Source: Anthropic, February 2026; AA26-251A (similar registration details).
    """
    created = np.asarray([np.nan if v is None else float(v) for v in view.book.customer["created_at"]])

    def near(times: np.ndarray) -> float:
        times = np.sort(times)
        within = np.searchsorted(times, times + 48 * _HOUR_US, side="right") - np.arange(len(times)) - 1
        return float(within.sum() / max(len(times) * (len(times) - 1) / 2.0, 1.0))

    known = created[np.isfinite(created)]
    base = near(known) + 1e-4 if len(known) > 2 else 1.0
    share = np.full(view.actors, np.nan)
    count = np.zeros(view.actors)
    for i in range(view.actors):
        times = created[view.members(i)]
        times = times[np.isfinite(times)]
        count[i] = len(times)
        if len(times) >= min_accounts:
            share[i] = near(times)
    lift = np.log2(np.maximum(share / base, 1e-3))
    bits = curve(lift, ((-1.0, -0.3), (0.5, -0.1), (1.5, 0.5), (3.0, 1.5), (5.0, 2.4))) * trust(count, 12.0)
    bits = bits * np.where(bits > 0, np.clip(np.nan_to_num(share) / 0.1, 0.2, 1.0), 1.0)

    def says(i: int) -> str:
        return (
            f"{share[i]:.1%} of the pairs of its accounts were opened within 48 hours of each other; "
            f"{base:.1%} of all pairs."
        )

    def facts(i: int) -> dict[str, float]:
        return {"pairs_within_48h": float(share[i]), "pairs_within_48h_of_all": base, "accounts": float(count[i])}

    return Opinion(lift, bits, says, facts)
