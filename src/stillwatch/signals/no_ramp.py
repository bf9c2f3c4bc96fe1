"""New accounts that work at full load from their first day."""

from __future__ import annotations

import numpy as np

from stillwatch.actors.clock import by_day, span_days
from stillwatch.actors.view import View
from stillwatch.actors.weigh import curve, trust
from stillwatch.signals import Opinion, signal

_DAY_US = 86_400e6


@signal(family="rhythm", about="conduct", needs=("account.created_at",))
def no_ramp(view: View, *, min_exchanges: int = 40, min_days: float = 4.0) -> Opinion:
    """An actor's new accounts are at their usual load within a day or two of their first call.

    For accounts created at most ten days before their first exchange, and seen for at least `min_days`: the share
    of days with use from first to last, times how near the first two days' load is to the later mean.

    Also seen in: migrations and backfills; an old workload moved to a new key; classrooms.
    Source: advisory AA26-251A, indicator 2 (new account straight to maximum).
    """
    book = view.book
    days = by_day(book)
    first = (book.sums["first_us"] // _DAY_US).astype(np.int64)
    start = int(first.min()) if len(first) else 0
    at = first - start
    created = np.asarray([np.nan if v is None else float(v) for v in book.customer["created_at"]])
    young = (book.sums["first_us"] - created) < 10 * _DAY_US
    length = span_days(book)
    ask = young & (length >= min_days) & (book.n >= 10)
    early = np.zeros(book.accounts)
    used = np.zeros(book.accounts)
    for i in np.flatnonzero(ask):
        row = slice(days.indptr[i], days.indptr[i + 1])
        day, n = days.indices[row], days.data[row]
        # The first calendar day is cut by the hour of sign-up, so the second stands in where it is larger.
        first_days = n[day <= at[i] + 1]
        early[i] = float(first_days.max()) if len(first_days) else 0.0
        used[i] = len(day)
    late = np.maximum((book.n - early) / np.maximum(length - 1.0, 1.0), 1e-9)
    steady = np.minimum(early / late, late / np.maximum(early, 1e-9))
    share = np.clip(used / np.maximum(length + 1.0, 1.0), 0.0, 1.0)
    weight = np.where(ask, np.sqrt(book.n), 0.0)
    total = view.add(weight)
    value = np.where(
        view.add(np.where(ask, book.n, 0.0)) >= min_exchanges,
        view.add(weight * steady * share) / np.maximum(total, 1e-9),
        np.nan,
    )
    known = trust(view.add(ask.astype(float)) / np.maximum(view.size, 1.0), 0.5)
    bits = curve(value, ((0.1, -0.6), (0.3, -0.2), (0.5, 0.4), (0.75, 1.2), (0.95, 1.6))) * known

    def says(i: int) -> str:
        who = "It is new, and works" if view.size[i] == 1 else "Its new accounts work"
        return (
            f"{who} on nearly every day from the first on, and evenly: steadiness {value[i]:.2f} "
            "(1 is full load at once and every day)."
        )

    def facts(i: int) -> dict[str, float]:
        return {"steadiness": float(value[i]), "new_accounts": float(view.add(ask.astype(float))[i])}

    return Opinion(value, bits, says, facts)
