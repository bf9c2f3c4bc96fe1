"""What most accounts of an actor have in common in their records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from stillwatch.actors.view import View

Array = np.ndarray[Any, Any]


def largest_share(view: View, column: Array) -> tuple[Array, Array]:
    """(share of an actor's accounts with its commonest value, how much commoner it is there than outside)."""
    known = np.asarray([v is not None for v in column])
    rows = np.flatnonzero(known)
    if not len(rows):
        return np.zeros(view.actors), np.ones(view.actors)
    values, code = np.unique(np.asarray([str(column[i]) for i in rows]), return_inverse=True)
    table = sp.csr_matrix((np.ones(len(rows)), (rows, code)), shape=(view.book.accounts, len(values)))
    everybody = np.asarray(table.sum(axis=0)).ravel()
    held = sp.csr_matrix(view.matrix(table))
    share, lift = np.zeros(view.actors), np.ones(view.actors)
    for i in range(view.actors):
        row = slice(held.indptr[i], held.indptr[i + 1])
        if row.stop > row.start:
            top = row.start + int(np.argmax(held.data[row]))
            share[i] = held.data[top] / view.size[i]
            outside = everybody[held.indices[top]] - held.data[top] + 0.5
            lift[i] = share[i] * max(view.book.accounts - view.size[i], 1.0) / outside
    return share, lift


def share_where(view: View, column: Array, values: Sequence[str]) -> Array:
    """Share of an actor's accounts whose record has one of `values`."""
    return view.share_of_accounts(np.asarray([v in values for v in column], dtype=bool))
