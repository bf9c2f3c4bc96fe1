"""Which of a campaign's exchanges are read again: a bounded share of each account's, drawn by a keyed hash.

The store says how long each prompt is, so what will be in memory is known before a log is opened. Drawn by a hash under
the home's key, the sample is the same in any order of rows and files, and no client can steer what is in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from stillwatch.sketch.identifiers import hash_identifiers
from stillwatch.store import Store
from stillwatch.store.parts import open_part

Array = Any

MOST_CHARACTERS = 16_000_000
"""Of prompts in memory at once: about half a gigabyte with everything that is counted over them."""
LONGEST_PROMPT = 16_000
"""Characters of a prompt that are read."""
_DOMAIN = "reveal"
_PRUNE_ROWS = 2_000_000


class Wanted:
    """The exchanges to read, by keyed hash of their ids; `rows` of `of` that the campaign sent with a prompt."""

    def __init__(self, names: Array, accounts: Array, of: int) -> None:
        order = np.argsort(names, kind="stable")
        self._names, self._accounts = names[order], accounts[order]
        self._met = np.zeros(len(names), dtype=np.bool_)
        self.of = of

    def __len__(self) -> int:
        return len(self._names)

    @property
    def found(self) -> int:
        """How many were met in the logs."""
        return int(self._met.sum())

    def pick(self, ids: pa.Array, accounts: Array, key: bytes) -> Array:
        """Rows of a batch that are wanted, were sent by the account that the store says, and were not met before."""
        if not len(self._names):
            return np.empty(0, dtype=np.int64)
        names = hash_names(ids, key)
        at = np.minimum(np.searchsorted(self._names, names), len(self._names) - 1)
        rows = np.flatnonzero((self._names[at] == names) & (self._accounts[at] == accounts) & ~self._met[at])
        _, first = np.unique(at[rows], return_index=True)
        rows = rows[np.sort(first)]
        self._met[at[rows]] = True
        return rows


def hash_names(ids: pa.Array, key: bytes) -> Array:
    """A keyed 64-bit name of each exchange id."""
    return np.asarray(hash_identifiers(ids, _DOMAIN, key).fill_null(0).to_numpy(zero_copy_only=False), dtype=np.int64)


def logged_values(store: Store, numbers: Mapping[str, int]) -> dict[str, set[tuple[str, int]]]:
    """Organisations and keys (hashes) that the stored exchanges of these accounts name."""
    accounts = _table_of(numbers.values())
    pairs: set[tuple[str, int, int]] = set()
    for columns in _rows(store, accounts, ["account", "org", "key"]):
        for name in ("org", "key"):
            held = columns[name].is_valid().to_numpy(zero_copy_only=False)
            values = columns[name].fill_null(0).to_numpy(zero_copy_only=False)[held]
            stacked = np.stack([columns["account"].to_numpy(zero_copy_only=False)[held].astype(np.int64), values])
            pairs.update((name, int(a), int(v)) for a, v in np.unique(stacked, axis=1).T)
    ids = {number: account for account, number in numbers.items()}
    out: dict[str, set[tuple[str, int]]] = {account: set() for account in numbers}
    for name, account, value in pairs:
        out[ids[account]].add((name, value))
    return out


def draw(store: Store, numbers: Mapping[str, int], unrelated: Mapping[str, int], most: int) -> Wanted:
    """The exchanges to read of a campaign's accounts (id to number), of prompts with `most` characters together.

    Half of what may be read is for the unrelated accounts, who decide what may be shown; the rest for all others.
    """
    budgets = np.zeros(max(numbers.values(), default=0) + 1, dtype=np.int64)
    first = [numbers[a] for a in numbers if a in unrelated]
    rest = [numbers[a] for a in numbers if a not in unrelated]
    share = most if not rest else most // 2
    budgets[first] = share // max(1, len(first))
    budgets[rest] = (most - share) // max(1, len(rest))
    held = [np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64)]
    of = waiting = 0
    more: list[list[Array]] = []
    for columns in _rows(store, _table_of(numbers.values()), ["exchange_id", "account", "prompt_chars"]):
        chars = columns["prompt_chars"].fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
        real = chars > 0
        of += int(real.sum())
        waiting += int(real.sum())
        account = columns["account"].to_numpy(zero_copy_only=False).astype(np.int64)
        more.append([hash_names(columns["exchange_id"], store.key)[real], account[real], chars[real]])
        if waiting > _PRUNE_ROWS:
            held, more, waiting = _within([held, *more], budgets), [], 0
    names, accounts, _ = _within([held, *more], budgets)
    return Wanted(names, accounts, of)


def _within(pieces: list[list[Array]], budgets: Array) -> list[Array]:
    """Of each account the exchanges with the lowest names, until its characters are used up; one at least."""
    names, accounts, chars = (np.concatenate([piece[i] for piece in pieces]) for i in range(3))
    order = np.lexsort((names, accounts))
    names, accounts, chars = names[order], accounts[order], chars[order]
    used = np.cumsum(np.minimum(chars, LONGEST_PROMPT))
    new = np.ones(len(accounts), dtype=np.bool_)
    new[1:] = accounts[1:] != accounts[:-1]
    before = used - np.minimum(chars, LONGEST_PROMPT)
    begun = np.repeat(before[new], np.diff(np.append(np.flatnonzero(new), len(accounts))))
    keep = new | (used - begun <= budgets[accounts])
    return [names[keep], accounts[keep], chars[keep]]


def _table_of(numbers: Iterable[int]) -> Array:
    wanted = np.fromiter(numbers, dtype=np.int64)
    table = np.zeros(int(wanted.max(initial=0)) + 2, dtype=np.bool_)
    table[wanted] = True
    return table


def _rows(store: Store, accounts: Array, names: list[str]) -> Iterable[dict[str, pa.Array]]:
    for part in store.ledger.parts("exchanges"):
        file = open_part(store.home, "exchanges", part)
        for batch in file.iter_batches(1 << 17, columns=names, use_threads=False):
            numbers = batch.column(names.index("account")).to_numpy(zero_copy_only=False)
            chosen = batch.filter(pa.array(accounts[np.minimum(numbers, len(accounts) - 1)]))
            if len(chosen):
                yield dict(zip(names, chosen.columns, strict=True))
