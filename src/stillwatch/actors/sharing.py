"""How much more the accounts of a group share values of a kind than everybody else does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from stillwatch.actors.view import View

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Sharing:
    """For each actor: pairs of its accounts that share a value, against pairs outside it."""

    lift: Array
    """Chance that two of its accounts share a value, over the chance that two others share such a value; or nan."""
    covered: Array
    """Share of its accounts (with a known value) that share one with another of its accounts."""
    known: Array
    """Accounts with a known value."""
    pairs: Array
    """Pairs of its accounts that share a value, summed over values."""


def sharing(view: View, name: str, *, main_share: float = 0.0) -> Sharing:
    """Sharing of one kind of mark. A value counts where it is `main_share` of an account's use."""
    book = view.book
    table = book.marks[name]
    counts = table.counts
    if main_share > 0 and counts.nnz:
        coo = counts.tocoo()
        keep = coo.data >= main_share * np.maximum(table.rows[coo.row], 1.0)
        counts = sp.csr_matrix((coo.data[keep], (coo.row[keep], coo.col[keep])), shape=counts.shape)
    binary = counts.copy()
    binary.data = np.ones_like(binary.data)
    has = (table.held > 0).astype(float)
    known = view.add(has)
    everybody = np.asarray(binary.sum(axis=0)).ravel()
    inside = view.matrix(binary)
    k = inside.copy()
    k.data = k.data * (k.data - 1.0) / 2.0
    pairs = np.asarray(k.sum(axis=1)).ravel()
    # The same values outside: a value that is popular everywhere speaks little, whatever else is rare or popular.
    others = everybody[inside.indices] - inside.data
    outside_pairs = inside.copy()
    outside_pairs.data = k.data * others * (others - 1.0) / 2.0
    typical = np.asarray(outside_pairs.sum(axis=1)).ravel() / np.maximum(pairs, 1.0)
    outside_known = has.sum() - known
    possible = known * (known - 1.0) / 2.0
    outside_possible = outside_known * (outside_known - 1.0) / 2.0
    rate = pairs / np.maximum(possible, 1.0)
    base = (typical + 1.0) / np.maximum(outside_possible, 1.0)
    lift = np.where((known >= 3) & (outside_known >= 3), (rate + 1e-12) / base, np.nan)
    covered = _covered(view, binary, inside) / np.maximum(known, 1.0)
    return Sharing(lift, covered, known, pairs)


def _covered(view: View, binary: sp.csr_matrix, inside: sp.csr_matrix) -> Array:
    """Accounts of each actor that share at least one value with another account of it."""
    if view.membership is None:
        return np.zeros(view.actors)
    out = np.zeros(view.actors)
    indptr = binary.indptr
    for actor in range(view.actors):
        row = inside.indices[inside.indptr[actor] : inside.indptr[actor + 1]]
        many = row[inside.data[inside.indptr[actor] : inside.indptr[actor + 1]] >= 2]
        if not len(many):
            continue
        mask = np.zeros(binary.shape[1], dtype=bool)
        mask[many] = True
        members = view.members(actor)
        lengths = indptr[members + 1] - indptr[members]
        if not lengths.sum():
            continue
        flat = np.concatenate([binary.indices[indptr[m] : indptr[m + 1]] for m in members])
        owner = np.repeat(np.arange(len(members)), lengths)
        out[actor] = len(np.unique(owner[mask[flat]]))
    return out


def sharing_bits(shared: Sharing, *, most: float, trust: float = 1.0, silent: float = -0.4) -> Array:
    """Bits for coordination: grows with the lift (log2) and with the share of accounts covered, at most `most`.

    Where values are known for at least eight accounts and hardly any is shared, `silent` bits speak against.
    """
    lift = np.log2(np.maximum(np.nan_to_num(shared.lift, nan=1.0), 1.0))
    depth = 1.0 - 0.5 ** (lift / 2.5)
    covered = np.interp(shared.covered, (0.08, 0.35, 0.75), (0.0, 0.35, 1.0))
    bits = most * trust * depth * covered
    alone = (shared.known >= 8) & (shared.covered < 0.03)
    return np.where(np.isfinite(shared.lift), np.where(alone, silent, bits), 0.0)
