"""Groups of accounts that ask about the same narrow matter with the same settings, where no template is shared."""

from __future__ import annotations

from typing import Any

import numpy as np

from stillwatch.actors.book import Book
from stillwatch.linking.candidate import Candidate

Array = np.ndarray[Any, Any]


def same_matter(
    book: Book, *, min_exchanges: int = 15, min_cosine: float = 0.8, least: int = 6, most_leaders: int = 200
) -> list[Candidate]:
    """Leader clustering of accounts by the direction of their summed SimHash bits, then split by settings and system.

    A harvest that sends bare task items leaves no template; its accounts still point the same way, because
    all draw from one list. Source: the February 2026 report (narrow capability over many accounts).
    """
    use = np.flatnonzero(book.topic_rows >= min_exchanges)
    if len(use) < least:
        return []
    mean = book.topics[use] / book.topic_rows[use, None]
    centred = mean - np.median(mean, axis=0)
    noise = np.sqrt(64.0 / book.topic_rows[use])
    length = np.linalg.norm(centred, axis=1)
    focused = length > 1.3 * noise
    use, centred, length = use[focused], centred[focused], length[focused]
    if len(use) < least:
        return []
    unit = centred / length[:, None]
    # Sampling noise lowers the cosine of two accounts with one and the same habit: allow for it.
    purity = np.sqrt(np.clip(1.0 - (noise[focused] / length) ** 2, 0.05, 1.0))
    left = np.ones(len(use), dtype=bool)
    order = np.argsort(-book.topic_rows[use])
    out: list[Candidate] = []
    leaders = 0
    for seed in order:
        if leaders >= most_leaders:
            break
        if not left[seed]:
            continue
        leaders += 1
        direction = unit[seed]
        near = np.zeros(0, dtype=np.int64)
        for _ in range(3):
            cosine = (unit @ direction) / purity
            near = np.flatnonzero(left & (cosine >= min_cosine))
            if not len(near):
                break
            direction = unit[near].mean(axis=0)
            direction /= max(float(np.linalg.norm(direction)), 1e-9)
        left[seed] = False
        if len(near) < least:
            continue
        left[near] = False
        members = np.sort(use[near])
        out.append(Candidate(members, frozenset({"content", "topic"}), "the same matter"))
        out.extend(_split(book, members, least))
    return out


def _split(book: Book, members: Array, least: int) -> list[Candidate]:
    """The part of a cluster that also uses one and the same settings, client, tool set or system prompt."""
    out: list[Candidate] = []
    for name in ("settings", "system", "client", "tools"):
        counts = book.marks[name].counts[members]
        if counts.nnz == 0:
            continue
        main = counts.copy()
        main.data = main.data >= 0.5 * book.n[members][np.repeat(np.arange(len(members)), np.diff(main.indptr))]
        holders = np.asarray(main.sum(axis=0)).ravel()
        for v in np.flatnonzero((holders >= least) & (holders < 0.95 * len(members))):
            rows = main[:, [v]].nonzero()[0]
            family = book.marks[name].kind.family
            out.append(Candidate(members[rows], frozenset({"content", "topic", family}), f"the same matter and {name}"))
    return out
