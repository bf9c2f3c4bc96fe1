"""The group test: do the accounts of one group ask more alike than as many other accounts do?

The null permutes whole accounts, never single prompts: every account has its topic, and a null over prompts would call
any set of people with topics a harvest.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from stillwatch.errors import UsageError

Array = NDArray[np.float32]


class GroupTest:
    """A permutation test over accounts: exact enumeration where few choices exist, drawn permutations elsewhere."""

    def __init__(self, permutations: int = 1999, radius: float = 0.15, seed: int = 0) -> None:
        self._permutations = permutations
        self._radius = radius
        self._seed = seed

    def p_value(self, vectors: Array, account_of_row: Sequence[str], in_group: frozenset[str] | set[str]) -> float:
        """P of a group of accounts at least as alike as this one, if its accounts were any of those given.

        `vectors` is [n x d], a row a prompt; `account_of_row` names each row's account; the other accounts are the
        matched ones. Every account counts the same, however much it sent. With drawn permutations the answer is
        (1 + at least as high) / (1 + drawn) (Phipson and Smyth 2010).
        """
        names, at = np.unique(np.asarray(account_of_row), return_inverse=True)
        if len(at) != len(vectors):
            raise UsageError("group test", f"{len(vectors)} vectors for {len(at)} rows")
        chosen = np.isin(names, sorted(in_group))
        size = int(chosen.sum())
        if size < 2 or len(names) - size < 2:
            raise UsageError("group test", "needs at least two accounts in the group and two beside it")
        near = self._nearness(np.asarray(vectors, np.float32), at, len(names))
        seen = _alike(near, np.flatnonzero(chosen))
        bar = seen - 1e-12 * max(1.0, abs(seen))
        ways = comb(len(names), size)
        if ways <= self._permutations:
            every = [_alike(near, np.asarray(of)) for of in combinations(range(len(names)), size)]
            return float(np.mean(np.asarray(every) >= bar))
        rng = np.random.default_rng(self._seed)
        drawn = (_alike(near, rng.permutation(len(names))[:size]) for _ in range(self._permutations))
        return (1 + sum(value >= bar for value in drawn)) / (1 + self._permutations)

    def _nearness(self, vectors: Array, at: NDArray[np.intp], accounts: int) -> NDArray[np.float64]:
        """Mean nearness of the prompts of every two accounts, less what either's topic has with everybody."""
        unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(1e-12))
        kernel = np.exp((np.minimum(unit @ unit.T, 1.0) - 1.0) / np.float32(self._radius)).astype(np.float64)
        member = np.zeros((accounts, len(at)))
        member[at, np.arange(len(at))] = 1.0
        member /= member.sum(1, keepdims=True)
        near = np.asarray(member @ kernel @ member.T)
        np.fill_diagonal(near, 0.0)
        usual = near.sum(1) / (accounts - 1)
        near /= np.sqrt(np.outer(usual, usual)) + 1e-9
        return near


def _alike(near: NDArray[np.float64], rows: NDArray[np.intp]) -> float:
    """Mean nearness over the pairs of different accounts."""
    return float(near[np.ix_(rows, rows)].sum() / (len(rows) * (len(rows) - 1)))
