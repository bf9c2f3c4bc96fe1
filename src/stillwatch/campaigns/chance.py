"""Matched chance: groups of like size and volume that are no campaign, to compare a finding with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from stillwatch.actors.book import Book
from stillwatch.campaigns.choose import Chosen
from stillwatch.campaigns.weigh import Weighed, weigh
from stillwatch.linking.candidate import Candidate

Array = np.ndarray[Any, Any]


def random_matches(
    book: Book, members: Array, usable: Array, how_many: int, rng: np.random.Generator
) -> list[Candidate]:
    """Groups drawn from `usable` accounts so that volumes (by decile) follow the group's; not linked by anything."""
    pool = np.flatnonzero(usable)
    size = min(len(members), max(len(pool) // 2, 0))
    if size < 3:
        return []
    edges = np.unique(np.quantile(book.n, np.linspace(0, 1, 11)[1:-1]))
    of_pool = np.digitize(book.n[pool], edges)
    weights = np.bincount(np.digitize(book.n[members], edges), minlength=len(edges) + 1).astype(float)
    have = np.bincount(of_pool, minlength=len(edges) + 1)
    chance = (weights / np.maximum(have, 1.0))[of_pool]
    if (chance > 0).sum() < size:
        chance = chance + 1e-6 * max(chance.max(), 1.0)
    chance = chance / chance.sum()
    return [
        Candidate(np.sort(rng.choice(pool, size=size, replace=False, p=chance)), frozenset(), "chance")
        for _ in range(how_many)
    ]


class MatchedChance:
    """The comparison groups of a window: natural linked groups that are not reported, and random matched ones."""

    def __init__(
        self, book: Book, candidates: Sequence[Candidate], weighed: Weighed, reported: Array,
        settings: Mapping[str, Mapping[str, Any]], *, draws: int = 40, seed: int = 7,
    ) -> None:  # fmt: skip
        self.book, self.settings, self.draws = book, settings, draws
        self.rng = np.random.default_rng(seed)
        self.usable = ~reported
        apart = [i for i, c in enumerate(candidates) if not reported[c.members].any()]
        self.natural = np.asarray(apart, dtype=np.int64)
        self.sizes = np.asarray([candidates[i].size for i in self.natural], dtype=float)
        self.weighed = weighed
        self._drawn: dict[tuple[int, int], Weighed | None] = {}

    def like(self, size: int) -> Array:
        """Natural linked groups within a factor of four of a size."""
        near = (self.sizes >= size / 4.0) & (self.sizes <= size * 4.0)
        return self.natural[near] if near.sum() >= 20 else self.natural

    def p_values(self, chosen: Chosen) -> dict[str, float]:
        """For each signal: share of comparison groups with as large a statistic (add-one; nan: not evaluable)."""
        near = self.like(chosen.candidate.size)
        drawn = self._draw(chosen)
        out: dict[str, float] = {}
        for name, opinion in chosen.weighed.opinions.items():
            mine = float(opinion.statistic[0])
            values = self.weighed.opinions[name].statistic[near]
            if drawn is not None:
                values = np.concatenate([values, drawn.opinions[name].statistic])
            values = values[np.isfinite(values)]
            p = float((np.sum(values >= mine) + 1.0) / (len(values) + 1.0))
            out[name] = p if np.isfinite(mine) else float("nan")
        return out

    def _draw(self, chosen: Chosen) -> Weighed | None:
        each = float(self.book.n[chosen.candidate.members].mean())
        bucket = (int(np.log2(chosen.candidate.size)), round(np.log2(max(each, 1.0))))
        if bucket not in self._drawn:
            draws = max(5, min(self.draws, 20_000 // max(chosen.candidate.size, 1)))
            matches = random_matches(self.book, chosen.candidate.members, self.usable, draws, self.rng)
            self._drawn[bucket] = weigh(self.book, matches, self.settings) if matches else None
        return self._drawn[bucket]
