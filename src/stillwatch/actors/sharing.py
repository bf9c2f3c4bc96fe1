"""How much more the accounts of a group share values of a kind than everybody else does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
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
    binary = table.held_by(main_share)
    has = (table.held > 0).astype(float)
    known = view.add(has)
    everybody = np.asarray(binary.sum(axis=0)).ravel()
    inside = view.matrix(binary)
    k = inside.copy()
    k.data = k.data * (k.data - 1.0) / 2.0
    pairs = np.asarray(k.sum(axis=1)).ravel()
    outside_known = has.sum() - known
    possible = np.maximum(known * (known - 1.0) / 2.0, 1.0)
    outside_possible = np.maximum(outside_known * (outside_known - 1.0) / 2.0, 1.0)
    # The chance outside, over the values that any member holds; a value counts at most as much as it does inside,
    # so that a stray on a popular value neither hides nor makes a ring.
    row = np.repeat(np.arange(view.actors), np.diff(inside.indptr))
    others = everybody[inside.indices] - inside.data
    rate_of_value = k.data / possible[row]
    usual = others * (others - 1.0) / 2.0 / outside_possible[row]
    usual = np.minimum(usual, np.maximum(rate_of_value, 1.0 / possible[row]))
    base = np.bincount(row, usual, view.actors) + 1.0 / outside_possible
    rate = np.bincount(row, rate_of_value, view.actors)
    lift = np.where((known >= 3) & (outside_known >= 3), (rate + 1e-12) / base, np.nan)
    covered = _covered(view, binary, inside) / np.maximum(known, 1.0)
    return Sharing(lift, covered, known, pairs)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _holding(indices: Array, indptr: Array, members: Array, mask: Array) -> int:
    """Members that hold at least one masked value."""
    count = 0
    for m in members:
        for j in range(indptr[m], indptr[m + 1]):
            if mask[indices[j]]:
                count += 1
                break
    return count


def _covered(view: View, binary: sp.csr_matrix, inside: sp.csr_matrix) -> Array:
    """Accounts of each actor that share at least one value with another account of it."""
    if view.membership is None:
        return np.zeros(view.actors)
    out = np.zeros(view.actors)
    indptr = binary.indptr
    mask = np.zeros(binary.shape[1], dtype=bool)
    for actor in range(view.actors):
        row = slice(inside.indptr[actor], inside.indptr[actor + 1])
        many = inside.indices[row][inside.data[row] >= 2]
        if not len(many):
            continue
        members = view.members(actor)
        mask[many] = True
        out[actor] = _holding(binary.indices, indptr, members, mask)
        mask[many] = False
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
