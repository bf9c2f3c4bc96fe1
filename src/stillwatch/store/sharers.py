"""Who holds which value, without sorting or pairing: rows are dealt out by a hash of the value, a share at a time.

A share holds all rows of its values, so it is settled by itself in two small hash tables. Where the rows
would not fit into the bound, the source is read again for the next range of hashes. Numba; no Python object inside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import pyarrow as pa

Array = Any
Batches = Callable[[], Iterable[pa.RecordBatch]]
Pairs = tuple[Array, Array, Array]
"""account, value, exchanges"""
Edges = tuple[Array, Array, Array, Array]
"""account, place among the values, exchanges; values"""

ROWS_AT_ONCE = 1 << 25
"""Rows held in memory at once, 32 bytes each while they are dealt out."""
_SHARE_ROWS = 1 << 13
_SPREAD, _MORE = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
_S32, _S48 = np.uint64(32), np.uint64(48)


@dataclass(frozen=True)
class Shared:
    """Values that two or more accounts hold, as edges: `account[i]` holds `values[column[i]]` in `n[i]` exchanges.

    By account number: `held`, its distinct values, shared or not; `rows`, its exchanges that have a value.
    """

    account: Array
    column: Array
    n: Array
    values: Array
    held: Array
    rows: Array


def shared_values(batches: Batches, rows: int, accounts: int, *, at_once: int = ROWS_AT_ONCE) -> Shared:
    """Of batches (account int32, value int64, n integer; no nulls), read once for each `at_once` rows of `rows`.

    `accounts` is one more than the highest account number. `values` come ascending.
    """
    passes = max(1, -(-rows // at_once))
    held, total = np.zeros(accounts, dtype=np.int64), np.zeros(accounts, dtype=np.int64)
    found: list[Edges] = []
    with ThreadPoolExecutor(2) as pool:
        for turn in range(passes):
            account, value, n = _gathered(batches(), turn, passes, min(rows, at_once), total)
            if len(account):
                found.append(_settled(pool, account, value, n, held))
    if not found:
        none = np.zeros(0, dtype=np.int32)
        return Shared(none, none, np.zeros(0, np.float32), np.zeros(0, np.int64), held, total)
    values = np.concatenate([part[3] for part in found])
    order = np.argsort(values)
    rank = np.empty(len(order), dtype=np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    account, column, n = _joined_up(found, rank)
    return Shared(account, column, n, values[order], held, total)


def _joined_up(found: list[Edges], rank: Array) -> tuple[Array, Array, Array]:
    """The turns' edges in one; each turn's are let go as they are copied, since there may be hundreds of millions."""
    edges = sum(len(part[0]) for part in found)
    account, column, n = np.empty(edges, np.int32), np.empty(edges, np.int32), np.empty(edges, np.float32)
    at = first = 0
    while found:
        who, which, many, values = found.pop(0)
        to = at + len(who)
        account[at:to], column[at:to], n[at:to] = who, rank[first : first + len(values)][which], many
        at, first = to, first + len(values)
        del who, which, many
    return account, column, n


def _gathered(source: Iterable[pa.RecordBatch], turn: int, passes: int, at_once: int, total: Array) -> Pairs:
    """The rows whose hash falls into this turn's range; all rows count in `total`, in the first turn.

    A popular value comes back in row after row: where they fill the room, equal pairs are joined before more is made.
    """
    account, value, n = np.empty(at_once, np.int32), np.empty(at_once, np.int64), np.empty(at_once, np.int32)
    at = 0
    for batch in source:
        if not batch.num_rows:
            continue
        who, what, many = (np.asarray(batch.column(i)) for i in range(3))
        if at + len(who) > len(account):
            starts, *dealt = _dealt(account[:at], value[:at], n[:at], _shares_of(at))
            joined = _joined(starts, *dealt)
            room = max(at_once, 2 * len(joined[0]), len(joined[0]) + len(who))
            account, value, n = (np.resize(rows, room) for rows in joined)
            at = len(joined[0])
        at = _take(
            who.astype(np.int32, copy=False), what.astype(np.int64, copy=False), many.astype(np.int32, copy=False),
            np.uint64(turn), np.uint64(passes), account, value, n, at, total,
        )  # fmt: skip
    return account[:at], value[:at], n[:at]


def _shares_of(rows: int) -> int:
    shares = 1
    while shares * _SHARE_ROWS < rows:
        shares *= 2
    return shares


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _mixed(value: Any) -> Any:
    x = np.uint64(value)
    x = (x ^ (x >> _S32)) * _MORE
    return x ^ (x >> _S32)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _take(
    who: Array, what: Array, many: Array, turn: Any, passes: Any, account: Array, value: Array, n: Array, at: int,
    total: Array,
) -> int:  # fmt: skip
    for i in range(who.size):
        if turn == 0:
            total[who[i]] += many[i]
        if passes == 1 or (_mixed(what[i]) >> _S48) % passes == turn:
            account[at], value[at], n[at] = who[i], what[i], many[i]
            at += 1
    return at


def _settled(pool: ThreadPoolExecutor, account: Array, value: Array, n: Array, held: Array) -> Edges:
    """(account, column, n, values) of one turn's rows; adds to `held`."""
    shares = _shares_of(len(account))
    starts, account, value, n = _dealt(account, value, n, shares)
    widest = int(np.diff(starts).max())
    column = np.empty(len(account), dtype=np.int32)
    edges, distinct = np.zeros(shares, dtype=np.int64), np.zeros(shares, dtype=np.int64)
    half = int(np.searchsorted(starts, starts[-1] // 2))
    spans = [(0, half), (half, shares)] if shares > 1 else [(0, 1)]
    halves = [np.zeros_like(held) for _ in spans]
    done = [
        pool.submit(_settle, starts, a, b, widest, account, value, n, column, edges, distinct, own)
        for (a, b), own in zip(spans, halves, strict=True)
    ]
    for work, own in zip(done, halves, strict=True):
        work.result()
        held += own
    return _collected(starts, edges, distinct, account, column, n, value)  # type: ignore[no-any-return]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _dealt(account: Array, value: Array, n: Array, shares: int) -> Any:
    """The rows in the order of their shares, and where each share starts."""
    mask = np.uint64(shares - 1)
    starts = np.zeros(shares + 1, dtype=np.int64)
    for i in range(value.size):
        starts[np.int64((_mixed(value[i]) >> _S32) & mask) + 1] += 1
    for s in range(shares):
        starts[s + 1] += starts[s]
    at = starts[:-1].copy()
    who, what, many = np.empty_like(account), np.empty_like(value), np.empty_like(n)
    for i in range(value.size):
        share = np.int64((_mixed(value[i]) >> _S32) & mask)
        k = at[share]
        at[share] += 1
        who[k], what[k], many[k] = account[i], value[i], n[i]
    return starts, who, what, many


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _settle(
    starts: Array, begin: int, end: int, widest: int, account: Array, value: Array, n: Array, column: Array,
    edges: Array, distinct: Array, held: Array,
) -> None:  # fmt: skip
    """Settles shares in place: kept edges move to the front of their share, its shared values likewise."""
    pair_at, value_at, value_of, holders, kept_values = _rooms(widest)
    named = np.empty(widest, dtype=np.int32)
    for s in range(begin, end):
        base = starts[s]
        pairs, values = _pair(
            base, starts[s + 1] - base, account, value, n, pair_at, value_at, value_of, holders, kept_values
        )
        named[:values] = -1
        kept = columns = 0
        for p in range(pairs):
            held[account[base + p]] += 1
            v = value_of[p]
            if holders[v] < 2:
                continue
            if named[v] < 0:
                named[v] = columns
                value[base + columns] = kept_values[v]
                columns += 1
            account[base + kept], n[base + kept], column[base + kept] = account[base + p], n[base + p], named[v]
            kept += 1
        edges[s], distinct[s] = kept, columns


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _joined(starts: Array, account: Array, value: Array, n: Array) -> Any:
    """Each pair of account and value once."""
    widest = np.int64(1)
    for s in range(starts.size - 1):
        widest = max(widest, starts[s + 1] - starts[s])
    pair_at, value_at, value_of, holders, kept_values = _rooms(widest)
    at = 0
    for s in range(starts.size - 1):
        base = starts[s]
        pairs, _ = _pair(
            base, starts[s + 1] - base, account, value, n, pair_at, value_at, value_of, holders, kept_values
        )
        for p in range(pairs):
            account[at + p], n[at + p], value[at + p] = account[base + p], n[base + p], kept_values[value_of[p]]
        at += pairs
    return account[:at].copy(), value[:at].copy(), n[:at].copy()


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _rooms(widest: int) -> Any:
    slots = 16
    while slots < 2 * widest:
        slots *= 2
    return (
        np.empty(slots, dtype=np.int32), np.empty(slots, dtype=np.int32), np.empty(widest, dtype=np.int32),
        np.empty(widest, dtype=np.int32), np.empty(widest, dtype=np.int64),
    )  # fmt: skip


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _pair(
    base: int, size: int, account: Array, value: Array, n: Array, pair_at: Array, value_at: Array, value_of: Array,
    holders: Array, kept_values: Array,
) -> Any:  # fmt: skip
    """Joins equal pairs of a share in place, at its front; (pairs, values). `value_of` a pair: its value's place."""
    here = 16
    while here < 2 * size:
        here *= 2
    mask = np.uint64(here - 1)
    pair_at[:here] = -1
    value_at[:here] = -1
    pairs = values = 0
    for r in range(base, base + size):
        who, what = account[r], value[r]
        mixed = _mixed(what)
        slot = np.int64(mixed & mask)
        while value_at[slot] >= 0 and kept_values[value_at[slot]] != what:
            slot = (slot + 1) & (here - 1)
        v = value_at[slot]
        if v < 0:
            v = values
            values += 1
            value_at[slot] = v
            kept_values[v] = what
            holders[v] = 0
        slot = np.int64(((mixed ^ (np.uint64(who) * _SPREAD)) * _SPREAD >> _S32) & mask)
        while pair_at[slot] >= 0 and (account[base + pair_at[slot]] != who or value_of[pair_at[slot]] != v):
            slot = (slot + 1) & (here - 1)
        p = pair_at[slot]
        if p >= 0:
            n[base + p] += n[r]
        else:
            pair_at[slot] = pairs
            value_of[pairs] = v
            account[base + pairs], n[base + pairs] = who, n[r]
            pairs += 1
            holders[v] += 1
    return pairs, values


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _collected(
    starts: Array, edges: Array, distinct: Array, account: Array, column: Array, n: Array, value: Array
) -> Any:
    who, which = np.empty(edges.sum(), dtype=np.int32), np.empty(edges.sum(), dtype=np.int32)
    many, values = np.empty(edges.sum(), dtype=np.float32), np.empty(distinct.sum(), dtype=np.int64)
    e = v = 0
    for s in range(edges.size):
        base = starts[s]
        for k in range(edges[s]):
            who[e], which[e], many[e] = account[base + k], column[base + k] + v, n[base + k]
            e += 1
        for k in range(distinct[s]):
            values[v + k] = value[base + k]
        v += distinct[s]
    return who, which, many, values
