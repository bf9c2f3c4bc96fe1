"""Sum what texts leave to (account, value): how many exchanges hold it, when first, when last."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

Array = Any

_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_NEVER, _ALWAYS = np.int64(-(1 << 63)), np.int64((1 << 63) - 1)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def sum_by_account(rows: Array, values: Array, accounts: Array, times: Array, timed: Array) -> Any:
    """(account, value, n, first, last) of the pairs (`rows[i]`, `values[i]`), rows ascending.

    A value that a row holds twice counts once. `accounts`, `times` (microseconds) and `timed` go by row;
    where no row of a pair has a time, first is the largest int64.
    """
    slots = 16
    while slots < 2 * rows.size:
        slots *= 2
    table = np.full(slots, -1, dtype=np.int32)
    account, value = np.empty(rows.size, dtype=np.int32), np.empty(rows.size, dtype=np.int64)
    n, latest_row = np.empty(rows.size, dtype=np.int32), np.empty(rows.size, dtype=np.int32)
    first, last = np.empty(rows.size, dtype=np.int64), np.empty(rows.size, dtype=np.int64)
    used = 0
    shift = np.uint64(32)
    for i in range(rows.size):
        row = rows[i]
        who = accounts[row]
        mixed = (np.uint64(values[i]) ^ (np.uint64(who) * _SPREAD)) * _SPREAD
        slot = np.int64((mixed >> shift) & np.uint64(slots - 1))
        while table[slot] >= 0 and (value[table[slot]] != values[i] or account[table[slot]] != who):
            slot = (slot + 1) & (slots - 1)
        at = table[slot]
        if at < 0:
            at = used
            used += 1
            table[slot] = at
            account[at], value[at], n[at], latest_row[at] = who, values[i], 0, -1
            first[at], last[at] = _ALWAYS, _NEVER
        if latest_row[at] != row:
            latest_row[at] = row
            n[at] += 1
            if timed[row]:
                first[at] = min(first[at], times[row])
                last[at] = max(last[at], times[row])
    return account[:used], value[:used], n[:used], first[:used], last[:used]
