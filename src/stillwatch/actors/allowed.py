"""Accounts whose bulk use is agreed."""

from __future__ import annotations

from typing import Any

import numpy as np

from stillwatch.actors.book import Book


def allowed_accounts(book: Book) -> np.ndarray[Any, Any]:
    """True for accounts with an `allow` whose end, if any, lies after their last exchange in the window."""
    reason, until = book.customer["allow"], book.customer["allow_until"]
    last = book.sums["last_us"]
    return np.asarray(
        [bool(r) and (u is None or u >= end) for r, u, end in zip(reason, until, last, strict=True)], dtype=bool
    )
