"""Each account's own score, its group's evidence included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stillwatch.actors.allowed import allowed_accounts
from stillwatch.actors.book import Book
from stillwatch.actors.view import View
from stillwatch.campaigns.choose import Chosen
from stillwatch.signals import Opinion, all_signals, measure, not_evaluable

Array = np.ndarray[Any, Any]

#: It takes both: conduct alone, without a group, is never more than "mixed".
MOST_ALONE = 0.45


@dataclass(frozen=True)
class AccountScores:
    """For each account of the book: probability, opinions, and which signals could not be asked."""

    p: Array
    opinions: Mapping[str, Opinion]
    not_evaluable: list[list[str]]
    allowed: Array


def score_accounts(
    book: Book, harvests: Sequence[Chosen], settings: Mapping[str, Mapping[str, Any]], prior: float
) -> AccountScores:
    """Members by their group's probability and how well they fit it; others by their own conduct, bounded."""
    view = View(book)
    opinions = measure(view, settings)
    conduct = np.zeros(book.accounts)
    for s in all_signals():
        if s.name in opinions and s.about in ("conduct", "relay", "explanation"):
            worth = 1.0 if s.about != "relay" else 0.5
            conduct = conduct + worth * opinions[s.name].bits
    # An account by itself starts well below a linked group: most accounts are nobody's campaign.
    odds = (0.2 * prior / (1.0 - 0.2 * prior)) * np.exp2(np.clip(conduct - 1.5, -20, 20))
    p = np.minimum(odds / (1.0 + odds), MOST_ALONE)
    for h in harvests:
        members = h.candidate.members
        alike = np.nan_to_num(h.core.direction[members])
        fit = np.maximum(np.clip(h.core.cover[members] / 0.3, 0, 1), np.clip(alike / 0.6, 0, 1))
        fit = np.maximum(fit, np.clip(h.core.ties[members] / 2.0, 0, 1) * 0.9)
        p[members] = np.maximum(h.p * (0.9 + 0.1 * fit), np.minimum(p[members], h.p))
    allowed = allowed_accounts(book)
    p = np.where(allowed, np.minimum(p, 0.02), p)
    return AccountScores(p, opinions, _mute(view, opinions), allowed)


def _mute(view: View, opinions: Mapping[str, Opinion]) -> list[list[str]]:
    """Names of the signals that no account-level or group-level question could be put to, by account."""
    names: list[str] = []
    masks: list[Array] = []
    for s in all_signals():
        mask = ~np.isfinite(opinions[s.name].statistic) if s.name in opinions else not_evaluable(s, view)
        names.append(s.name)
        masks.append(mask)
    table = np.stack(masks, axis=1) if masks else np.zeros((view.actors, 0), dtype=bool)
    cache: dict[bytes, list[str]] = {}
    out: list[list[str]] = []
    for row in table:
        key = row.tobytes()
        if key not in cache:
            cache[key] = [n for n, m in zip(names, row, strict=True) if m]
        out.append(cache[key])
    return out
