"""Which bits most of many 64-bit hashes have set: 64 counters stood on their side, eight hashes at a time."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

Array = Any


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _carry(planes: Array, first: int, hashed: Any) -> None:
    """Add to the planes from `first` on, as far as there is something to carry."""
    carry = hashed
    for p in range(first, planes.size):
        both = planes[p] & carry
        planes[p] ^= carry
        carry = both
        if carry == np.uint64(0):
            break


@numba.njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator]
def _add3(a: Any, b: Any, c: Any) -> Any:
    """(sum, carry) of three bits, in each of 64 places."""
    half = a ^ b
    return half ^ c, (a & b) | (half & c)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def count_bits(votes: Array, count: int, planes: Array) -> None:
    """Count `count` hashes bit by bit: `planes` are 64 binary counters stood on their side.

    Eight at a time by carry-save adders (Harley and Seal, in Warren, Hacker's Delight): no step waits on a choice.
    """
    planes[:] = np.uint64(0)
    ones, twos, fours = np.uint64(0), np.uint64(0), np.uint64(0)
    i = 0
    while i + 8 <= count:
        ones, two = _add3(ones, votes[i], votes[i + 1])
        ones, other = _add3(ones, votes[i + 2], votes[i + 3])
        twos, four = _add3(twos, two, other)
        ones, two = _add3(ones, votes[i + 4], votes[i + 5])
        ones, other = _add3(ones, votes[i + 6], votes[i + 7])
        twos, more = _add3(twos, two, other)
        fours, eights = _add3(fours, four, more)
        _carry(planes, 3, eights)
        i += 8
    planes[0], planes[1], planes[2] = ones, twos, fours
    while i < count:
        _carry(planes, 0, votes[i])
        i += 1


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def majority(planes: Array, count: int) -> Any:
    """The bits that more than half of `count` hashes have set."""
    half = np.uint64(count // 2)
    above = np.uint64(0)
    level = ~np.uint64(0)
    for p in range(planes.size - 1, -1, -1):
        if (half >> np.uint64(p)) & np.uint64(1):
            level &= planes[p]
        else:
            above |= level & planes[p]
            level &= ~planes[p]
    return above
