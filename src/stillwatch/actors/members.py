"""What most accounts of an actor have in common in their records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from stillwatch.actors.view import View

Array = np.ndarray[Any, Any]


def share_in_few(view: View, column: Array, *, least_lift: float, least_part: float = 0.2) -> Array:
    """Share of an actor's accounts that have one of its few common values.

    A value counts where at least `least_part` of the accounts have it, `least_lift` times as often as other accounts.
    """
    known = np.asarray([v is not None for v in column])
    rows = np.flatnonzero(known)
    if not len(rows):
        return np.zeros(view.actors)
    values, code = np.unique(np.asarray([str(column[i]) for i in rows]), return_inverse=True)
    table = sp.csr_matrix((np.ones(len(rows)), (rows, code)), shape=(view.book.accounts, len(values)))
    everybody = np.asarray(table.sum(axis=0)).ravel()
    held = sp.csr_matrix(view.matrix(table))
    size = np.repeat(view.size, np.diff(held.indptr))
    outside = (everybody[held.indices] - held.data + 0.5) / np.maximum(view.book.accounts - size, 1.0)
    inside = held.data / size
    held.data = np.where((inside >= least_part) & (inside >= least_lift * outside), inside, 0.0)
    return np.asarray(held.sum(axis=1)).ravel()


def share_where(view: View, column: Array, values: Sequence[str]) -> Array:
    """Share of an actor's accounts whose record has one of `values`."""
    return view.share_of_accounts(np.asarray([v in values for v in column], dtype=bool))
