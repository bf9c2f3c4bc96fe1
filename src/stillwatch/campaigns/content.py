"""What a group's accounts have in common that others do not: its core values, and how far an account fits them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from stillwatch.actors.book import Book

Array = np.ndarray[Any, Any]

CONTENT_KINDS = ("opening", "closing", "masked", "system", "history", "fingerprint")
TIE_KINDS = (
    "payment", "phone", "email", "device", "signup_ip", "ip", "key", "email_pattern", "net", "end_user", "session",
)  # fmt: skip
#: An exchange holds many fingerprints, so their counts don't add up to exchanges; of the others it holds one.
_MANY_EACH = ("fingerprint",)


@dataclass(frozen=True)
class Core:
    """For every account of the book: how much of its use, and how many ties, it shares with a group."""

    cover: Array
    """Share of an account's exchanges that hold the group's core content."""
    templates: Array
    """The same without system prompts, which come to every user of an app."""
    ties: Array
    """Families of identity or network in which an account holds one of the group's core values."""
    direction: Array
    """Cosine of an account's words with the group's, sampling noise allowed for; nan where too few."""
    tied: float
    """Share of the group's accounts in the largest part that rare values of identity and network hold together.

    Several innocent clusters taken as one fall apart."""
    values: frozenset[int]
    """Public hashes of the core openings, closings and fingerprints."""


def core_values(table: Any, members: Array, *, min_lift: float, least: int, min_share: float) -> Array:
    """Columns that members hold at least `min_lift` times as often as other accounts do."""
    counts: sp.csr_matrix = table.counts
    if counts.nnz == 0:
        return np.zeros(0, dtype=np.int64)
    inside = np.bincount(counts[members].indices, minlength=counts.shape[1])
    outside = table.holders - inside
    others = max(counts.shape[0] - len(members), 1)
    lift = (inside / len(members)) / ((outside + 0.5) / others)
    need = max(least, int(np.ceil(min_share * len(members))))
    chosen = np.flatnonzero((inside >= need) & (lift >= min_lift))
    return np.asarray(chosen[np.argsort(-inside[chosen])][:3000])


def core_of(book: Book, members: Array, *, min_lift: float = 8.0, sent_by: Array | None = None) -> Core:
    """The core of a group (positions of accounts) over all accounts of the book.

    `sent_by`: of the content only what at least a tenth of these accounts hold as well.
    """
    n = np.maximum(book.n, 1.0)
    cover, templates = np.zeros(book.accounts), np.zeros(book.accounts)
    public: set[int] = set()
    for name in CONTENT_KINDS:
        table = book.marks[name]
        chosen = core_values(table, members, min_lift=min_lift, least=2, min_share=0.01)
        if sent_by is not None and len(chosen):
            held_by = np.bincount(table.counts[sent_by].indices, minlength=table.counts.shape[1])
            chosen = chosen[held_by[chosen] >= max(2.0, 0.1 * len(sent_by))]
        if not len(chosen):
            continue
        held = sp.csr_matrix(table.counts[:, chosen])
        if name in _MANY_EACH:
            share = np.asarray(held.max(axis=1).todense()).ravel() / n
        else:
            share = np.asarray(held.sum(axis=1)).ravel() / n
        cover = np.maximum(cover, np.minimum(share, 1.0))
        if name != "system":
            templates = np.maximum(templates, np.minimum(share, 1.0))
        if name in ("opening", "closing", "fingerprint"):
            public.update(int(v) for v in table.values[chosen[:200]])
    ties = np.zeros(book.accounts)
    by_family: dict[str, Array] = {}
    knots: list[sp.csr_matrix] = []
    for name in TIE_KINDS:
        table = book.marks[name]
        # Two campaigns in one proxy's pool hold the pool's values alike: rare at large is enough to be tied.
        # A common mail host and a common shape of names meet by chance.
        lift = 8.0 if name == "email_pattern" else 2.0
        chosen = core_values(table, members, min_lift=lift, least=2, min_share=0.0)
        chosen = chosen[table.holders[chosen] <= max(20.0, 0.1 * book.accounts)] if len(chosen) else chosen
        if len(chosen):
            held = np.asarray(table.counts[:, chosen].sum(axis=1)).ravel() > 0
            knots.append(table.counts[members][:, chosen])
            family = table.kind.family
            by_family[family] = by_family.get(family, np.zeros(book.accounts, dtype=bool)) | held
    for has in by_family.values():
        ties += has
    return Core(cover, templates, ties, _direction(book, members), _cohesion(knots, len(members)), frozenset(public))


def _direction(book: Book, members: Array) -> Array:
    rows = book.topic_rows
    mean = book.topics / np.maximum(rows, 1.0)[:, None]
    usable = rows >= 8
    if not usable.any() or not usable[members].any():
        return np.full(book.accounts, np.nan)
    centred = mean - np.median(mean[usable], axis=0)
    group = centred[members][usable[members]].mean(axis=0)
    length = np.linalg.norm(centred, axis=1)
    noise = np.sqrt(64.0 / np.maximum(rows, 1.0))
    purity = np.sqrt(np.clip(1.0 - (noise / np.maximum(length, 1e-9)) ** 2, 0.05, 1.0))
    cosine = centred @ group / np.maximum(length * np.linalg.norm(group), 1e-9) / purity
    return np.where(usable, cosine, np.nan)


def _cohesion(edges: list[sp.csr_matrix], size: int) -> float:
    """Share of the accounts in the largest part that these values connect."""
    if not edges:
        return 0.0
    both = sp.csr_matrix(sp.hstack(edges, format="csr"))
    graph = sp.bmat([[None, both], [both.T, None]], format="csr")
    _, part = connected_components(graph, directed=False)
    return float(np.bincount(part[:size]).max() / size)
