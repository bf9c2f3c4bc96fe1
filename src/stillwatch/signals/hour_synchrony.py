"""Accounts that are busy and idle in the same hours, beyond the rhythm of the day."""

from __future__ import annotations

import numpy as np

from stillwatch.actors.view import View
from stillwatch.actors.weigh import curve, trust
from stillwatch.signals import Opinion, signal


@signal(family="timing", about="coordination", actors=("group",))
def hour_synchrony(view: View, *, min_accounts: int = 5, most_hours: int = 2400) -> Opinion:
    """A group's accounts start, pause and surge in the same hours, which time zone and weekday do not explain.

    Correlation of two accounts' hourly counts after each account's volume and the group's own hour-of-day and
    weekday/weekend profile are taken out, over the hours in which the group is seen.

    Also seen in: classrooms (the lesson); an outage of a shared gateway; a product launch.
    Source: Anthropic, February 2026 (synchronised traffic, coordinated timing).
    """
    book = view.book
    width = min(book.hours.shape[1], most_hours)
    begin = book.hours.shape[1] - width  # of a long store, the newest weeks
    value = np.full(view.actors, np.nan)
    z = np.zeros(view.actors)
    hours = np.arange(width) + book.hour0 + begin
    weekend = ((hours // 24 + 3) % 7 >= 5).astype(int)
    slot = (hours % 24) + 24 * weekend
    for i in range(view.actors):
        members = view.members(i)
        if len(members) < min_accounts:
            continue
        x = book.hours[members][:, begin:]
        total = np.asarray(x.sum(axis=0), dtype=float).ravel()
        seen = np.flatnonzero(total > 0)
        if not len(seen) or seen[-1] - seen[0] < 36:
            continue
        inside = slice(int(seen[0]), int(seen[-1]) + 1)
        slots = slot[inside]
        volume = np.asarray(x.sum(axis=1), dtype=float).ravel()
        profile = np.bincount(slots, weights=total[inside], minlength=48) / np.maximum(
            np.bincount(slots, minlength=48), 1
        )
        profile = np.maximum(profile[slots], 1e-9)
        profile = profile / profile.sum()
        span = inside.stop - inside.start
        residual = total[inside] - volume.sum() * profile
        # Sum over accounts of (x - v p)^2, without making the dense matrix.
        squares = (
            x.multiply(x).sum()
            - 2 * float(x[:, inside].dot(profile).dot(volume))
            + float((volume**2).sum() * (profile**2).sum())
        )
        between = float((residual**2).sum()) - squares
        if squares <= 0:
            continue
        value[i] = between / squares / (len(members) - 1)
        z[i] = between / squares * np.sqrt(span / 2.0)
    grown = np.log2(1.0 + np.maximum(z, 0.0) / 10.0)
    bits = np.where(
        np.isfinite(value),
        curve(np.nan_to_num(value), ((0.0, -0.2), (0.01, 0.3), (0.05, 1.2), (0.2, 2.2)))
        * np.clip(grown / 2.0, 0.1, 1.0),
        0.0,
    ) * trust(view.size, 10.0)

    def says(i: int) -> str:
        return (
            f"Over all pairs of its accounts, busy and idle hours correlate by {value[i]:.3f} on average once the "
            "rhythm of day and week is taken out (0: as strangers do)."
        )

    def facts(i: int) -> dict[str, float]:
        return {"correlation": float(value[i]), "z": float(z[i])}

    return Opinion(value, bits, says, facts)
