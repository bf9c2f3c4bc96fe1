"""What tells accounts that somebody deals to from accounts of people: no habits of their own, one load for all."""

from __future__ import annotations

from typing import Any

import numpy as np

from stillwatch.actors.clock import span_days
from stillwatch.actors.view import View

Array = np.ndarray[Any, Any]


def own_habits(view: View) -> tuple[Array, Array, float]:
    """(own habit of each actor's accounts, pairs of prompts within its accounts, usual habit).

    A habit is how much more two prompts of one account are alike (mean inner product of their SimHash bits) than two
    prompts of two accounts: within an actor for the first figure, for the middle account of the book for the last,
    where each account counts once, so that no queue sets what is usual.
    """
    book = view.book
    rows = book.topic_rows
    length = (book.topics**2).sum(axis=1) / 64.0
    n = view.add(rows)
    squares = view.add(length)
    same = view.add(rows * (rows - 1.0))
    between = (view.add(book.topics) ** 2).sum(axis=1) / 64.0 - squares
    between = between / np.maximum(n**2 - view.add(rows**2), 1.0)
    return (squares - n) / np.maximum(same, 1.0) - between, same / 2.0, _usual_habit(book.topics, rows, length)


def _usual_habit(topics: Array, rows: Array, length: Array) -> float:
    asked = rows >= 8
    k = int(asked.sum())
    if k < 20:
        return 0.0
    n = rows[asked]
    within = float(np.median((length[asked] - n) / (n * (n - 1.0))))
    mean = topics[asked] / n[:, None]
    between = (float((mean.sum(axis=0) ** 2).sum()) - float((mean**2).sum())) / 64.0 / (k * (k - 1.0))
    return within - between


def load_spread(view: View) -> tuple[Array, float, Array]:
    """(spread of the load over each actor's accounts, spread over all accounts, accounts asked).

    Standard deviation of the logarithm of exchanges per active day, with the spread of counting removed.
    """
    book = view.book
    days = np.maximum(span_days(book), 1.0)
    rate = np.log(np.maximum(book.n, 1.0) / days)
    usable = (book.n >= 5).astype(float)
    count = view.add(usable)
    mean = view.add(usable * rate) / np.maximum(count, 1.0)
    square = view.add(usable * rate**2) / np.maximum(count, 1.0)
    counting = view.add(usable / np.maximum(book.n, 1.0)) / np.maximum(count, 1.0)
    inside = np.sqrt(np.maximum(square - mean**2 - counting, 0.0))
    everybody = float(np.std(rate[usable > 0])) if usable.sum() >= 20 else 1.2
    return inside, everybody, count
