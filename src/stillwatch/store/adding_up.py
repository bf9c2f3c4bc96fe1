"""Add up rows of (account, value): how often, when first, when last; one row each, by first sight."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

Array = Any

_SPREAD = np.uint64(0x9E3779B97F4A7C15)


def add_up(accounts: Array, values: Array, n: Array, first: Array, last: Array) -> Any:
    """(place of the pair's first row, n, first, last) of each distinct pair (`accounts[i]`, `values[i]`).

    Times are int64. A row without one has the largest int64 as `first` and the smallest as `last`.
    """
    return _add_up(*(_read_only(column) for column in (accounts, values, n, first, last)))


def _read_only(column: Array) -> Array:
    # One kind of array, so that the kernel is compiled once.
    view = np.ascontiguousarray(column).view()
    view.flags.writeable = False
    return view


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _add_up(accounts: Array, values: Array, n: Array, first: Array, last: Array) -> Any:
    slots = 16
    while slots < 2 * values.size:
        slots *= 2
    table = np.full(slots, -1, dtype=np.int32)
    held = np.empty(values.size, dtype=np.int64)
    count = np.empty(values.size, dtype=np.int64)
    earliest, latest = np.empty(values.size, dtype=np.int64), np.empty(values.size, dtype=np.int64)
    used = 0
    for i in range(values.size):
        mixed = (np.uint64(values[i]) ^ (np.uint64(accounts[i]) * _SPREAD)) * _SPREAD
        slot = np.int64((mixed >> np.uint64(32)) & np.uint64(slots - 1))
        at = table[slot]
        while at >= 0 and (values[held[at]] != values[i] or accounts[held[at]] != accounts[i]):
            slot = (slot + 1) & (slots - 1)
            at = table[slot]
        if at < 0:
            table[slot] = used
            held[used], count[used], earliest[used], latest[used] = i, n[i], first[i], last[i]
            used += 1
        else:
            count[at] += n[i]
            earliest[at] = min(earliest[at], first[i])
            latest[at] = max(latest[at], last[i])
    return held[:used], count[:used], earliest[:used], latest[:used]
