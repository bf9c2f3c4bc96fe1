"""Groups from rare values of two or more independent kinds, then joined by what they hold far above its base rate."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from stillwatch.actors.book import Book
from stillwatch.linking.candidate import Candidate

Array = np.ndarray[Any, Any]

#: Kinds that may tie two accounts, and how many shared values of the kind make one full tie.
_TIES: dict[str, int] = {
    "payment": 1,
    "email": 1,
    "phone": 1,
    "device": 1,
    "key": 1,
    "signup_ip": 1,
    "ip": 1,
    "net": 2,
    "signup_net": 1,
    "email_pattern": 1,
    "client": 1,
    "signup_hour": 1,
    "referrer": 1,
    "system": 1,
    "masked": 3,
    "opening": 3,
    "history": 3,
    "turn": 5,
    "end_user": 3,
    "session": 2,
}


def _pair_ties(book: Book, most_holders: int) -> tuple[sp.csr_matrix, sp.csr_matrix]:
    """(weight, families): account pairs that share a rare value; pairs arise only from values with few holders."""
    count = book.accounts
    weight = sp.csr_matrix((count, count), dtype=np.float32)
    families = sp.csr_matrix((count, count), dtype=np.float32)
    by_family: dict[str, sp.csr_matrix] = {}
    for name, full in _TIES.items():
        table = book.marks[name]
        if table.counts.nnz == 0:
            continue
        holders = table.holders
        keep = np.flatnonzero((holders >= 2) & (holders <= most_holders))
        if not len(keep):
            continue
        binary = sp.csr_matrix(table.counts[:, keep])
        binary.data = np.ones_like(binary.data)
        rarity = np.log2(count / holders[keep]) / np.log2(max(count / 2.0, 2.0))
        shared = sp.csr_matrix(binary @ sp.diags(np.clip(rarity, 0.0, 1.0)) @ binary.T)
        shared.setdiag(0)
        shared.eliminate_zeros()
        if full > 1:
            shared.data = np.where(shared.data >= full * 0.5, shared.data / full, 0.0)
            shared.eliminate_zeros()
        shared.data = np.minimum(shared.data, 1.0).astype(np.float32) * table.kind.trust
        family = table.kind.family
        by_family[family] = shared if family not in by_family else sp.csr_matrix(by_family[family].maximum(shared))
    for shared in by_family.values():
        weight = weight + shared
        ones = shared.copy()
        ones.data = np.ones_like(ones.data)
        families = families + ones
    return sp.csr_matrix(weight), sp.csr_matrix(families)


def tied_cells(book: Book, *, most_holders: int = 64, min_weight: float = 1.1) -> list[Candidate]:
    """Accounts tied by rare values of at least two independent families, as connected components."""
    weight, families = _pair_ties(book, most_holders)
    strong = weight.multiply(families >= 2)
    strong = sp.csr_matrix(strong)
    strong.data = np.where(strong.data >= min_weight, strong.data, 0.0)
    strong.eliminate_zeros()
    if strong.nnz == 0:
        return []
    _, label = connected_components(strong, directed=False)
    formed = frozenset({"network", "payment", "registration", "credential", "signup_time", "history", "end_users"})
    return [Candidate(m, formed, "rare values of two kinds") for m in _groups(label, 3)]


def _groups(label: Array, least: int) -> list[Array]:
    order = np.argsort(label, kind="stable")
    cuts = np.flatnonzero(np.diff(label[order])) + 1
    return [np.sort(part) for part in np.split(order, cuts) if len(part) >= least]


def joined_cells(
    book: Book,
    cells: list[Candidate],
    *,
    min_lift: float = 5.0,
    min_z: float = 5.0,
    min_k: int = 3,
    min_cosine: float = 0.12,
) -> list[Candidate]:
    """Cells that hold the same values far above their base rate, in two or more families, taken as one.

    Hub values take part here: a value that a whole campaign shares has no rarity but plenty of enrichment.
    """
    cells = [c for c in cells if 3 <= c.size <= max(2000, book.accounts // 2)]
    if len(cells) < 2:
        return []
    indptr = np.concatenate([[0], np.cumsum([c.size for c in cells])])
    member = sp.csr_matrix(
        (np.ones(int(indptr[-1])), np.concatenate([c.members for c in cells]), indptr),
        shape=(len(cells), book.accounts),
    )
    size = np.asarray([c.size for c in cells], dtype=float)
    features: list[sp.csr_matrix] = []
    families = sp.csr_matrix((len(cells), len(cells)))
    by_family: dict[str, sp.csr_matrix] = {}
    for table in book.marks.values():
        if table.counts.nnz == 0 or table.kind.name in ("prompt", "session", "history", "turn"):
            continue
        binary = table.binary
        base = np.asarray(binary.sum(axis=0)).ravel() / book.accounts
        held = sp.coo_matrix(member @ binary)
        expected = size[held.row] * base[held.col]
        z = (held.data - expected) / np.sqrt(np.maximum(expected, 1e-9))
        lift = held.data / np.maximum(expected, 1e-9)
        keep = (held.data >= np.minimum(min_k, size[held.row])) & (lift >= min_lift) & (z >= min_z)
        idf = np.log2(1.0 / np.maximum(base[held.col[keep]], 1.0 / book.accounts))
        part = sp.csr_matrix(
            (idf * table.kind.trust * held.data[keep] / size[held.row[keep]], (held.row[keep], held.col[keep])),
            shape=(len(cells), binary.shape[1]),
        )
        features.append(part)
        ones = part.copy()
        ones.data = np.ones_like(ones.data)
        f = table.kind.family
        by_family[f] = ones if f not in by_family else sp.csr_matrix(sp.hstack([by_family[f], ones], format="csr"))
    if not features:
        return []
    every = sp.csr_matrix(sp.hstack(features, format="csr"))
    norm = np.sqrt(np.asarray(every.multiply(every).sum(axis=1)).ravel())
    every = sp.csr_matrix(sp.diags(1.0 / np.maximum(norm, 1e-9)) @ every)
    cosine = sp.coo_matrix(every @ every.T)
    if cosine.nnz == 0:  # nothing is above its base rate, and sparse arrays can't be asked for no places
        return []
    for ones in by_family.values():
        both = sp.csr_matrix(ones @ ones.T)
        both.data = np.ones_like(both.data)
        families = families + both
    shared_families = np.asarray(sp.csr_matrix(families)[cosine.row, cosine.col]).ravel()
    joined = (cosine.row < cosine.col) & (cosine.data >= min_cosine) & (shared_families >= 2)
    graph = sp.csr_matrix(
        (np.ones(int(joined.sum())), (cosine.row[joined], cosine.col[joined])), shape=(len(cells), len(cells))
    )
    _, label = connected_components(graph, directed=False)
    formed = cells[0].formed_by
    out: list[Candidate] = []
    for part in _groups(label, 2):
        members = np.unique(np.concatenate([cells[int(i)].members for i in part]))
        out.append(Candidate(members, formed, "cells that hold the same values above their base rate"))
    return out


def holders_of_one_value(book: Book, *, least: int = 5, most: int = 3000) -> list[Candidate]:
    """Everybody who holds one value of an identity or network kind: weighed by itself, it links nobody further."""
    out: list[tuple[float, Candidate]] = []
    for name in (
        "payment",
        "email",
        "phone",
        "device",
        "signup_ip",
        "signup_net",
        "ip",
        "net",
        "referrer",
        "organisation",
        "email_pattern",
        "system",
        "signup_hour",
        "client",
    ):
        table = book.marks[name]
        if table.counts.nnz == 0:
            continue
        column = sp.csc_matrix(table.counts)
        holders = np.diff(column.indptr)
        for v in np.flatnonzero(holders >= least):
            rows = column.indices[column.indptr[v] : column.indptr[v + 1]]
            weight = column.data[column.indptr[v] : column.indptr[v + 1]]
            if table.kind.source != "account":
                rows = rows[weight >= 0.2 * book.n[rows]]
            if least <= len(rows) < 0.8 * book.accounts:
                family = frozenset({table.kind.family})
                out.append((table.kind.trust * np.log2(len(rows)), Candidate(np.sort(rows), family, f"one {name}")))
    out.sort(key=lambda pair: -pair[0])
    return [candidate for _, candidate in out[:most]]
