"""Some accounts fall silent and others take up their work within hours."""

from __future__ import annotations

import numpy as np

from stillwatch.actors.view import View
from stillwatch.actors.weigh import curve, trust
from stillwatch.signals import Opinion, signal

_HOUR_US = 3_600e6


@signal(family="succession", about="coordination", actors=("group",))
def succession(view: View, *, min_accounts: int = 6, within_hours: float = 36.0) -> Opinion:
    """Within a group, accounts fall silent or are suspended together, and new ones appear within hours.

    The largest number of accounts that end, matched with as many that begin, in one span of `within_hours`, as a
    share of the group; less what the churn of all accounts gives for a group of its size.

    Also seen in: key rotation; a term's end at a school; migrations between projects.
    Source: Anthropic, February and September 2026 (a banned account is replaced; pool 2 took over after the ban).
    """
    book = view.book
    first, last = book.sums["first_us"] / _HOUR_US, book.sums["last_us"] / _HOUR_US
    begin, end = float(first.min(initial=0.0)), float(last.max(initial=0.0))
    if book.accounts:
        begin = float(first.min())
    late = first > begin + 48.0
    gone = (last < end - 48.0) & (last - first > 12.0)
    edges = np.arange(begin, end + within_hours, within_hours / 3.0)

    def turnover(members: np.ndarray) -> tuple[float, float]:
        starts = np.histogram(first[members][late[members]], edges)[0]
        ends = np.histogram(last[members][gone[members]], edges)[0]
        window = np.ones(3)
        started, ended = np.convolve(starts, window, "same"), np.convolve(ends, window, "same")
        matched = np.minimum(started, ended)
        return (float(matched.max()), float(starts.sum())) if len(matched) else (0.0, 0.0)

    value = np.full(view.actors, np.nan)
    if len(edges) > 6:
        everyone = np.histogram(last[gone], edges)[0]
        churn = float(np.convolve(everyone, np.ones(3), "same").max()) / max(book.accounts, 1)
        for i in range(view.actors):
            members = view.members(i)
            if len(members) >= min_accounts:
                matched, _ = turnover(members)
                spare = matched - churn * len(members) - 1.5 * np.sqrt(max(churn * len(members), 0.25))
                value[i] = max(spare, 0.0) / len(members)
    bits = curve(value, ((0.0, 0.0), (0.05, 0.3), (0.15, 1.4), (0.35, 2.4))) * trust(view.size, 10.0)

    def says(i: int) -> str:
        return (
            f"{value[i]:.0%} of its accounts fell silent while as many others began, "
            f"within {within_hours:.0f} hours, beyond usual churn."
        )

    def facts(i: int) -> dict[str, float]:
        return {"replaced_share": float(value[i]), "accounts": float(view.size[i])}

    return Opinion(value, bits, says, facts)
