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
        binary = table.binary
        inside = view.matrix(binary)
        over = inside.copy()
        over.data = np.maximum(over.data - 1.0, 0.0)
        distinct = distinct - np.asarray(over.sum(axis=1)).ravel()
    return distinct, view.add(table.rows)


def met_across_accounts(view: View, name: str) -> tuple[Array, Array]:
    """(exchanges whose value another account of the same actor also sent, exchanges with a value).

    Several signals ask it of the same view: it is counted once."""
    if name not in view.measured:
        view.measured[name] = _met(view, name)
    return view.measured[name]


def _met(view: View, name: str) -> tuple[Array, Array]:
    table = view.book.marks[name]
    rows = view.add(table.rows)
    met = np.zeros(view.actors)
    if view.membership is None or not table.counts.nnz:
        return met, rows
    binary = table.binary
    holders = view.matrix(binary)
    counts = view.matrix(table.counts)
    many = holders.copy()
    many.data = (many.data >= 2).astype(float)
    return np.asarray(counts.multiply(many).sum(axis=1)).ravel(), rows


def common_frames(view: View) -> Array:
    """Share of an actor's exchanges whose opening or closing words another of its accounts sends too: one kind."""
    share = np.zeros(view.actors)
    for name in ("opening", "closing"):
        met, rows = met_across_accounts(view, name)
        share = np.maximum(share, met / np.maximum(rows, 1.0))
    return share


def spread_of_repeats(view: View, name: str) -> Array:
    """Of the values that several of an actor's accounts hold: the mean share of its accounts that hold one.

    A class or a benchmark team holds each of its items in most accounts; a queue that asks for several samples of an
    item, or chance, repeats an item in very few. Weighted by holders; 0 where nothing repeats.
    """
    table = view.book.marks[name]
    if view.membership is None or not table.counts.nnz:
        return np.zeros(view.actors)
    binary = table.binary
    holders = view.matrix(binary)
    holders.data = np.where(holders.data >= 2, holders.data, 0.0)
    total = np.asarray(holders.sum(axis=1)).ravel()
    squares = holders.copy()
    squares.data = squares.data**2
    weighted = np.asarray(squares.sum(axis=1)).ravel() / np.maximum(total, 1.0)
    return np.asarray(weighted / np.maximum(view.size, 1.0))
