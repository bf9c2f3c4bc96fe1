"""Actors as a signal sees them: accounts, or groups of accounts taken as one, in the same arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp

from stillwatch.actors.book import Book

Array = np.ndarray[Any, Any]


@dataclass
class View:
    """Actors over a book. `membership` is actors x accounts (0/1); None means that each account is an actor."""

    book: Book
    membership: sp.csr_matrix | None = None
    measured: dict[str, tuple[Array, Array]] = field(default_factory=dict, repr=False, compare=False)
    """What several signals ask and costs a sparse product, by name; not to be changed."""

    @property
    def actors(self) -> int:
        """How many actors there are."""
        return self.book.accounts if self.membership is None else int(self.membership.shape[0])

    @property
    def grouped(self) -> bool:
        """Whether actors are groups."""
        return self.membership is not None

    @cached_property
    def size(self) -> Array:
        """Accounts of each actor."""
        if self.membership is None:
            return np.ones(self.book.accounts)
        return np.asarray(np.diff(self.membership.indptr), dtype=float)

    def members(self, actor: int) -> Array:
        """Positions of an actor's accounts in the book."""
        if self.membership is None:
            return np.asarray([actor])
        m = self.membership
        return np.asarray(m.indices[m.indptr[actor] : m.indptr[actor + 1]])

    def add(self, per_account: Array) -> Array:
        """An additive statistic (accounts, or accounts x k) summed over each actor's accounts."""
        if self.membership is None:
            return np.asarray(per_account, dtype=float)
        return np.asarray(self.membership @ np.asarray(per_account, dtype=float))

    def sum(self, name: str) -> Array:
        """One of the book's sums for each actor."""
        return self.add(self.book.sums[name])

    @cached_property
    def n(self) -> Array:
        """Exchanges of each actor."""
        return self.sum("n")

    def matrix(self, per_account: sp.csr_matrix) -> sp.csr_matrix:
        """accounts x k to actors x k."""
        if self.membership is None:
            return per_account
        return sp.csr_matrix(self.membership @ per_account)

    def known(self, column: str) -> Array:
        """Share of each actor's exchanges in which a column is known."""
        return np.asarray(self.sum(f"known_{column}") / np.maximum(self.n, 1.0))

    def customers_known(self, column: str) -> Array:
        """Share of each actor's accounts whose record has a column."""
        has = np.asarray([value is not None for value in self.book.customer[column]], dtype=float)
        return np.asarray(self.add(has) / np.maximum(self.size, 1.0))

    def share_of_accounts(self, mask: Array) -> Array:
        """Share of each actor's accounts for which a mask holds."""
        return np.asarray(self.add(np.asarray(mask, dtype=float)) / np.maximum(self.size, 1.0))


def as_one(book: Book, groups: list[Array]) -> View:
    """A view in which each group (positions of accounts) is one actor."""
    indptr = np.concatenate([[0], np.cumsum([len(g) for g in groups])]).astype(np.int64)
    indices = np.concatenate(groups).astype(np.int64) if groups else np.zeros(0, dtype=np.int64)
    matrix = sp.csr_matrix(
        (np.ones(len(indices), dtype=np.float32), indices, indptr), shape=(len(groups), book.accounts)
    )
    return View(book, matrix)
