"""Groups from values that the same accounts hold: template families, address pools, shared system prompts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from stillwatch.actors.book import Book
from stillwatch.linking.candidate import Candidate

Array = np.ndarray[Any, Any]


def _devoted(counts: sp.csr_matrix, n: Array, min_n: int, min_share: float) -> sp.csr_matrix:
    """Edges on which an account uses a value for more than a stray exchange."""
    edges = counts.tocoo()
    keep = (edges.data >= min_n) & (edges.data >= min_share * n[edges.row])
    return sp.csr_matrix((edges.data[keep], (edges.row[keep], edges.col[keep])), shape=counts.shape)


def _top(edges: sp.csr_matrix, most: int) -> sp.csr_matrix:
    """Each account's `most` commonest values."""
    coo = edges.tocoo()
    order = np.lexsort((-coo.data, coo.row))
    row = coo.row[order]
    start = np.searchsorted(row, np.arange(edges.shape[0]))
    rank = np.arange(len(row)) - start[row]
    keep = order[rank < most]
    return sp.csr_matrix((coo.data[keep], (coo.row[keep], coo.col[keep])), shape=edges.shape)


def value_families(
    book: Book,
    kinds: Sequence[str],
    *,
    how: str,
    min_n: int = 2,
    min_share: float = 0.02,
    min_holders: int = 3,
    min_inside_share: float = 0.03,
    min_lift: float = 5.0,
    min_overlap_lift: float = 6.0,
    member_shares: Sequence[float] = (0.1, 0.5),
    most_per_account: int = 16,
    most_values: int = 60_000,
) -> list[Candidate]:
    """Families of values with overlapping holders, and the accounts whose traffic they make up.

    A value is taken where its devoted users spend at least `min_inside_share` of their exchanges on it and at
    least `min_lift` times as much as everybody else does: a popular phrase is spread thin and drops out, a
    template that 25,000 accounts share does not. Two values belong together where they have far more
    holders in common than chance gives. Popularity itself neither links nor hides.
    """
    n = book.n
    blocks: list[sp.csr_matrix] = []
    for name in kinds:
        table = book.marks[name]
        if table.counts.nnz == 0:
            continue
        devoted = _devoted(table.counts, n, min_n, min_share)
        holders = np.bincount(devoted.indices, minlength=devoted.shape[1])
        inside = np.asarray(devoted.sum(axis=0)).ravel()
        base = np.asarray((devoted > 0).T @ n).ravel()
        everywhere = np.asarray(table.counts.sum(axis=0)).ravel()
        outside = (everywhere - inside + 0.5) / np.maximum(n.sum() - base, 1.0)
        share = inside / np.maximum(base, 1.0)
        outside_enough = n.sum() - base > 0.02 * n.sum()
        lift = np.where(outside_enough, share / outside, np.inf)
        keep = np.flatnonzero((holders >= min_holders) & (share >= min_inside_share) & (lift >= min_lift))
        if len(keep):
            blocks.append(devoted[:, keep])
    if not blocks:
        return []
    every = sp.csr_matrix(sp.hstack(blocks, format="csr"))
    kind_of = np.concatenate([np.full(b.shape[1], i) for i, b in enumerate(blocks)])
    edges = _top(every, most_per_account)
    if edges.shape[1] > most_values:
        weight = np.asarray(edges.sum(axis=0)).ravel()
        chosen = np.sort(np.argsort(-weight)[:most_values])
        edges, every, kind_of = sp.csr_matrix(edges[:, chosen]), sp.csr_matrix(every[:, chosen]), kind_of[chosen]
    binary = edges.copy()
    binary.data[:] = 1.0
    size = np.asarray(binary.sum(axis=0)).ravel()
    together = sp.coo_matrix(binary.T @ binary)
    a, b, w = together.row, together.col, together.data
    smaller = np.minimum(size[a], size[b])
    union = size[a] + size[b] - w
    lift = w * book.accounts / np.maximum(size[a] * size[b], 1.0)
    tight = (w / smaller >= 0.5) & (w / union >= 0.15)
    loose = (w >= np.maximum(4, 0.08 * smaller)) & (lift >= min_overlap_lift)
    joined = (a < b) & (w >= 3) & (tight | loose)
    graph = sp.csr_matrix((np.ones(int(joined.sum())), (a[joined], b[joined])), shape=(len(size), len(size)))
    _, family = connected_components(graph, directed=False)
    candidates: list[Candidate] = []
    families = frozenset(book.marks[k].kind.family for k in kinds)
    covered = _coverage(every, kind_of, family, n)
    for column in range(covered.shape[1]):
        part = covered[:, column]
        share = part.data
        for least in member_shares:
            members = np.sort(part.indices[share >= least])
            if len(members) >= min_holders:
                candidates.append(Candidate(members, families, how))
    return candidates


def _coverage(every: sp.csr_matrix, kind_of: Array, family: Array, n: Array) -> sp.csc_matrix:
    """accounts x families: the share of an account's exchanges that a family covers, by its best kind.

    An exchange has one opening, one closing, one masked text, so shares add up within a kind and not across.
    Families with fewer than three holders are dropped.
    """
    best: sp.csr_matrix | None = None
    families = int(family.max()) + 1 if len(family) else 0
    for kind in np.unique(kind_of):
        columns = np.flatnonzero(kind_of == kind)
        spread = sp.csr_matrix(
            (np.ones(len(columns)), (np.arange(len(columns)), family[columns])), shape=(len(columns), families)
        )
        share = sp.csr_matrix(every[:, columns] @ spread)
        share = sp.csr_matrix(sp.diags(1.0 / np.maximum(n, 1.0)) @ share)
        share.data = np.minimum(share.data, 1.0)
        best = share if best is None else best.maximum(share)
    assert best is not None
    out = sp.csc_matrix(best)
    keep = np.flatnonzero(np.diff(out.indptr) >= 3)
    return sp.csc_matrix(out[:, keep])
