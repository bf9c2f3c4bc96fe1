"""When accounts are active: by hour of the day, by day, and over the window."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from stillwatch.actors.book import Book
from stillwatch.actors.view import View

Array = np.ndarray[Any, Any]


def hour_of_day(book: Book) -> Array:
    """accounts x 24: exchanges by hour of the day, UTC."""
    width = book.hours.shape[1]
    hour = (np.arange(width) + book.hour0) % 24
    fold = sp.csr_matrix((np.ones(width), (np.arange(width), hour)), shape=(width, 24))
    return np.asarray((book.hours @ fold).todense(), dtype=float)


def by_day(book: Book) -> sp.csr_matrix:
    """accounts x days (from the day of the first exchange): exchanges."""
    width = book.hours.shape[1]
    day = (np.arange(width) + book.hour0 % 24) // 24
    fold = sp.csr_matrix((np.ones(width), (np.arange(width), day)), shape=(width, int(day.max()) + 1 if width else 1))
    return sp.csr_matrix(book.hours @ fold)


def span_days(book: Book) -> Array:
    """Days from each account's first exchange to its last."""
    return np.asarray((book.sums["last_us"] - book.sums["first_us"]) / 86_400e6)


def unevenness(view: View, *, least: float = 10.0, min_days: float = 2.0) -> tuple[Array, Array]:
    """(unevenness, exchanges asked) of each actor: how far its accounts are from a flat clock.

    Overdispersion of an account's hours of the day, per exchange: (chi-square - 23) / n, summed over accounts with
    `least` exchanges over `min_days`. A machine fed from a queue is near 0; people, who sleep, lie near 1.
    """
    hours = hour_of_day(view.book)
    n = hours.sum(axis=1)
    expected = np.maximum(n / 24.0, 1e-9)
    chi = ((hours - expected[:, None]) ** 2).sum(axis=1) / expected
    asked = (n >= least) & (span_days(view.book) >= min_days)
    total = view.add(np.where(asked, n, 0.0))
    return view.add(np.where(asked, chi - 23.0, 0.0)) / np.maximum(total, 1.0), total


def unevenness_text(value: float) -> str:
    """An unevenness as a sentence gives it: chance alone puts a flat clock a little below 0, which reads as a fault."""
    return f"{max(0.0, float(value)):.2f}"
