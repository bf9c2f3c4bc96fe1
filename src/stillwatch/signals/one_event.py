"""A hackathon, a workshop, a trial: people who came together for a few days and left."""

from __future__ import annotations

import numpy as np

from stillwatch.actors.clock import by_day, unevenness, unevenness_text
from stillwatch.actors.members import share_in_few
from stillwatch.actors.view import View
from stillwatch.actors.weigh import curve
from stillwatch.signals import Opinion, signal


@signal(family="event", about="explanation", actors=("group",))
def one_event(view: View, *, event_days: int = 4, min_window_days: int = 9, most_bits: float = -3.5) -> Opinion:
    """A group's use falls into the same few days, by the clock of people: an event explains what it shares.

    Share of its exchanges in its busiest `event_days` days, of a window at least `min_window_days` long, where its
    accounts keep a daily rhythm or, worth less, came through one code. A sponsor's card, one hall's address and a day
    of sign-ups belong to an event.

    Also seen in: a short harvest that keeps office hours.
    Source: the hard negatives of the public record (hackathon cohorts, sponsor cards).
    """
    days = view.matrix(by_day(view.book))
    width = days.shape[1]
    share = np.full(view.actors, np.nan)
    if width >= min_window_days:
        for i in range(view.actors):
            daily = np.zeros(width)
            row = slice(days.indptr[i], days.indptr[i + 1])
            daily[days.indices[row]] = days.data[row]
            total = daily.sum()
            if total >= 30:
                share[i] = np.convolve(daily, np.ones(event_days), "valid").max() / total
    uneven, asked = unevenness(view, min_days=0.2)
    people = np.where(asked >= 30, curve(uneven, ((0.15, 0.0), (0.5, 1.0))), 0.0)
    code = share_in_few(view, view.book.customer["referrer"], least_lift=3.0, least_part=0.7)
    people = np.maximum(people, 0.6 * curve(code, ((0.7, 0.0), (0.9, 1.0))))
    bits = np.where(np.isfinite(share), most_bits * people * curve(share, ((0.7, 0.0), (0.92, 1.0))), 0.0)

    def says(i: int) -> str:
        came = f"; {code[i]:.0%} of its accounts came through one code" if code[i] >= 0.7 else ""
        spread = f"unevenness over the day {unevenness_text(uneven[i])} (0 is a flat clock)"
        return f"{share[i]:.0%} of its exchanges fall into {event_days} days; {spread}{came}."

    def facts(i: int) -> dict[str, float]:
        return {"share_in_busiest_days": float(share[i]), "unevenness": float(uneven[i]), "one_code": float(code[i])}

    return Opinion(np.where(np.isfinite(share), -share * people, np.nan), bits, says, facts)
