"""Public hashes of words, shingles and ends of texts: the same at every provider, with a versioned seed.

FracMinHash keeps a shingle where its hash lies below a threshold, so the same shingle is kept everywhere
(Irber and others, 2022; Broder, 1997). The thresholds are nested: what a long text keeps, a short one keeps too.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from stillwatch.sketch.siphash import load64

Array = Any

_MIX1, _MIX2 = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_WORD, _STEP = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
_ROLL = np.uint64(0xA0761D6478BD642F)
_ROLL2 = np.uint64(0xA0761D6478BD642F**2 % (1 << 64))
_ROLL3, _ROLL4 = np.uint64(0xA0761D6478BD642F**3 % (1 << 64)), np.uint64(0xA0761D6478BD642F**4 % (1 << 64))
_ZERO, _S64 = np.uint64(0), np.uint64(64)
_TWO, _FOUR = np.uint64(2), np.uint64(4)
_AT_ONCE = 256
_S33, _S32, _S3, _ONE = np.uint64(33), np.uint64(32), np.uint64(3), np.uint64(1)
_WORD_SEED = np.uint64(0x5354494C4C570001)
_OPENING = np.uint64(0x5354494C4C571001)
_CLOSING = np.uint64(0x5354494C4C572001)
_SHINGLE4 = np.uint64(0x5354494C4C573001)
_SHINGLE5 = np.uint64(0x5354494C4C574001)

#: The version of these seeds and of how texts are split: two providers' fingerprints meet where it is equal.
SEED_VERSION = "stillwatch-1"

#: (shingles in the text up to, one in so many is kept). Each rate divides the next: nested.
RATES: tuple[tuple[int, int], ...] = ((16, 1), (64, 4), (128, 8), (4096, 32), (32768, 256), (1 << 62, 2048))
_R0, _R1, _R2, _R3, _R4 = (limit for limit, _ in RATES[:5])
_T1, _T2, _T3, _T4, _T5 = (np.uint64((1 << 64) // rate) for _, rate in RATES[1:])
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)

#: Most fingerprints that one text may leave; only a text made for it comes near.
MOST_FINGERPRINTS = 512


@numba.njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator]
def mix(value: Any) -> Any:
    """MurmurHash3's 64-bit finaliser: every bit of the input moves every bit of the output."""
    value = (value ^ (value >> _S33)) * _MIX1
    value = (value ^ (value >> _S33)) * _MIX2
    return value ^ (value >> _S33)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def word_hash(buffer: Array, start: int, end: int) -> Any:
    """Hash of ``buffer[start:end]``; reads up to seven bytes beyond `end`, which must exist."""
    hashed = _WORD_SEED + np.uint64(end - start) * _WORD
    if end - start <= 16 and end > start:
        # Nearly all words. One block or two without a choice between them, since nobody can guess which it will be.
        two = np.uint64(end - start - 1) >> _S3
        longer = (hashed ^ load64(buffer, start)) * _STEP
        longer ^= longer >> _S32
        hashed ^= (hashed ^ longer) & (_ZERO - two)
        at = np.uint64(start) + (two << _S3)
        left = np.uint64(end) - at
        return mix(hashed ^ (load64(buffer, np.int64(at)) & (_ALL >> (_S64 - (left << _S3)))))
    i = start
    while i + 8 < end:
        hashed = (hashed ^ load64(buffer, i)) * _STEP
        hashed ^= hashed >> _S32
        i += 8
    left = np.uint64(end - i)
    block = load64(buffer, i)
    if left < np.uint64(8):
        block &= (_ONE << (left << _S3)) - _ONE
    return mix(hashed ^ block)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _sequence(units: Array, start: int, end: int, seed: Any) -> Any:
    hashed = seed + np.uint64(end - start)
    for i in range(start, end):
        hashed = hashed * _ROLL + units[i]
        hashed ^= hashed >> _S32
    return mix(hashed)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def opening_hash(units: Array, count: int, unspaced: bool) -> Any:
    """(known, hash) of the first 8 words or 16 characters; unknown under 4 words or 8 characters."""
    if count < (8 if unspaced else 4):
        return False, np.uint64(0)
    return True, _sequence(units, 0, min(count, 16 if unspaced else 8), _OPENING)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def closing_hash(units: Array, count: int, unspaced: bool) -> Any:
    """(known, hash) of the last 8 words or 16 characters; unknown under 12 words or 24 characters."""
    if count < (24 if unspaced else 12):
        return False, np.uint64(0)
    return True, _sequence(units, count - (16 if unspaced else 8), count, _CLOSING)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def sampled_shingles(units: Array, count: int, unspaced: bool, out: Array) -> int:
    """Write the sampled shingles of a text's units into `out` (int64; as long as MOST_FINGERPRINTS); how many."""
    width = 5 if unspaced else 4
    shingles = count - width + 1
    if shingles < 1:
        return 0
    limit = _ALL
    if shingles > _R4:
        limit = _T5
    elif shingles > _R3:
        limit = _T4
    elif shingles > _R2:
        limit = _T3
    elif shingles > _R1:
        limit = _T2
    elif shingles > _R0:
        limit = _T1
    hashes = np.empty(_AT_ONCE, dtype=np.uint64)
    kept = 0
    for start in range(0, shingles, _AT_ONCE):
        here = min(_AT_ONCE, shingles - start)
        # Hash first, choose after: a loop without a choice in it runs on many numbers at once.
        if unspaced:
            for k in range(here):
                i = np.uint64(start + k)
                joined = (units[i] * _ROLL4 + units[i + _ONE] * _ROLL3) + (units[i + _TWO] * _ROLL2 + units[i + _S3] * _ROLL)  # noqa: E501
                hashes[k] = mix((joined + units[i + _FOUR]) ^ _SHINGLE5)
        else:
            for k in range(here):
                i = np.uint64(start + k)
                joined = units[i] * _ROLL3 + units[i + _ONE] * _ROLL2 + units[i + _TWO] * _ROLL
                hashes[k] = mix((joined + units[i + _S3]) ^ _SHINGLE4)
        for k in range(here):
            if kept == out.size:
                return kept
            out[kept] = np.int64(hashes[k])
            kept += np.int64(hashes[k] <= limit)  # type: ignore[assignment]
    return kept
