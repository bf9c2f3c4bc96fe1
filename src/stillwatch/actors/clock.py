"""When accounts are active: by hour of the day, by day, and over the window."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from stillwatch.actors.book import Book

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
