"""How many different values of a kind an actor holds; for groups, values held in common count once."""

from __future__ import annotations

from typing import Any

import numpy as np

from stillwatch.actors.view import View

Array = np.ndarray[Any, Any]


def distinct_values(view: View, name: str) -> tuple[Array, Array]:
    """(distinct values, exchanges with a value) of each actor for one kind of mark."""
    table = view.book.marks[name]
    distinct = view.add(table.held)
    if view.membership is not None and table.counts.nnz:
        binary = table.counts.copy()
        binary.data = np.ones_like(binary.data)
        inside = view.matrix(binary)
        over = inside.copy()
        over.data = np.maximum(over.data - 1.0, 0.0)
        distinct = distinct - np.asarray(over.sum(axis=1)).ravel()
    return distinct, view.add(table.rows)


def met_across_accounts(view: View, name: str) -> tuple[Array, Array]:
    """(exchanges whose value another account of the same actor also sent, exchanges with a value)."""
    table = view.book.marks[name]
    rows = view.add(table.rows)
    met = np.zeros(view.actors)
    if view.membership is None or not table.counts.nnz:
        return met, rows
    binary = table.counts.copy()
    binary.data = np.ones_like(binary.data)
    holders = view.matrix(binary)
    counts = view.matrix(table.counts)
    many = holders.copy()
    many.data = (many.data >= 2).astype(float)
    return np.asarray(counts.multiply(many).sum(axis=1)).ravel(), rows
