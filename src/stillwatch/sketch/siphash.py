"""Keyed hashes: SipHash-2-4 over spans of a byte buffer, with one key for each domain.

SipHash-2-4 is a keyed pseudo-random function (Aumasson and Bernstein, 2012). It is used, and not
HMAC-SHA-256, because it runs at memory speed inside numba; the two halves of each domain's key are drawn
from the home's secret by keyed BLAKE2b, so hashes of one domain say nothing about another's.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numba
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

Array = Any


def domain_key(key: bytes, domain: str) -> tuple[np.uint64, np.uint64]:
    """Both 64-bit halves of a domain's SipHash key, from the home's secret (any length) and the domain's name."""
    secret = hashlib.blake2b(key, digest_size=32).digest()
    drawn = hashlib.blake2b(domain.encode(), key=secret, digest_size=16, person=b"stillwatch-v1").digest()
    return np.uint64(int.from_bytes(drawn[:8], "little")), np.uint64(int.from_bytes(drawn[8:], "little"))


@intrinsic  # type: ignore[untyped-decorator]
def load64(typing_context: Any, buffer: Any, at: Any) -> Any:
    """Eight bytes at any position as one little-endian number; the caller keeps within the buffer."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        place = builder.bitcast(builder.gep(array.data, [arguments[1]]), ir.IntType(64).as_pointer())
        return builder.load(place, align=1)

    return types.uint64(buffer, types.int64), build


@intrinsic  # type: ignore[untyped-decorator]
def store64(typing_context: Any, buffer: Any, at: Any, value: Any) -> Any:
    """Write eight bytes at any position, little-endian; the caller keeps within the buffer."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        place = builder.bitcast(builder.gep(array.data, [arguments[1]]), ir.IntType(64).as_pointer())
        builder.store(arguments[2], place, align=1)
        return context.get_dummy_value()

    return types.void(buffer, types.int64, types.uint64), build


@intrinsic  # type: ignore[untyped-decorator]
def trailing_zeros(typing_context: Any, value: Any) -> Any:
    """How many bits below the lowest one that is set in a uint64; 64 where none is."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), build


_S13, _S16, _S17, _S21, _S32, _S56 = (np.uint64(n) for n in (13, 16, 17, 21, 32, 56))
_S51, _S48, _S47, _S43, _S8 = (np.uint64(n) for n in (51, 48, 47, 43, 8))
_V0, _V1 = np.uint64(0x736F6D6570736575), np.uint64(0x646F72616E646F6D)
_V2, _V3 = np.uint64(0x6C7967656E657261), np.uint64(0x7465646279746573)
_FF = np.uint64(0xFF)


@numba.njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator]
def _round(v0: Any, v1: Any, v2: Any, v3: Any) -> Any:
    v0 = v0 + v1
    v1 = (v1 << _S13) | (v1 >> _S51)
    v1 = v1 ^ v0
    v0 = (v0 << _S32) | (v0 >> _S32)
    v2 = v2 + v3
    v3 = (v3 << _S16) | (v3 >> _S48)
    v3 = v3 ^ v2
    v0 = v0 + v3
    v3 = (v3 << _S21) | (v3 >> _S43)
    v3 = v3 ^ v0
    v2 = v2 + v1
    v1 = (v1 << _S17) | (v1 >> _S47)
    v1 = v1 ^ v2
    v2 = (v2 << _S32) | (v2 >> _S32)
    return v0, v1, v2, v3


@numba.njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator]
def _finished(v0: Any, v1: Any, v2: Any, v3: Any, buffer: Array, i: int, end: int, length: int) -> Any:
    """SipHash's state after the words before `i`, brought to its end."""
    while i + 8 <= end:
        word = load64(buffer, i)
        v3 = v3 ^ word
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0 = v0 ^ word
        i += 8
    word = np.uint64(length) << _S56
    shift = np.uint64(0)
    while i < end:
        word |= np.uint64(buffer[i]) << shift
        shift += _S8
        i += 1
    v3 = v3 ^ word
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0 = v0 ^ word
    v2 = v2 ^ _FF
    for _ in range(4):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    return v0 ^ v1 ^ v2 ^ v3


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def siphash(buffer: Array, start: int, end: int, k0: Any, k1: Any) -> Any:
    """SipHash-2-4 of ``buffer[start:end]`` as uint64."""
    return _finished(_V0 ^ k0, _V1 ^ k1, _V2 ^ k0, _V3 ^ k1, buffer, start, end, end - start)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def siphash_two(
    left: Array, left_end: int, lk0: Any, lk1: Any, right: Array, right_end: int, rk0: Any, rk1: Any
) -> Any:
    """SipHash-2-4 of ``left[:left_end]`` and of ``right[:right_end]``, each under its own key.

    Both in step: each round waits for the one before, and a processor does two chains in little more time than one.
    """
    v0, v1, v2, v3 = _V0 ^ lk0, _V1 ^ lk1, _V2 ^ lk0, _V3 ^ lk1
    w0, w1, w2, w3 = _V0 ^ rk0, _V1 ^ rk1, _V2 ^ rk0, _V3 ^ rk1
    i = 0
    both = min(left_end, right_end)
    while i + 8 <= both:
        word, other = load64(left, i), load64(right, i)
        v3 = v3 ^ word
        w3 = w3 ^ other
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        w0, w1, w2, w3 = _round(w0, w1, w2, w3)
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        w0, w1, w2, w3 = _round(w0, w1, w2, w3)
        v0 = v0 ^ word
        w0 = w0 ^ other
        i += 8
    one = _finished(v0, v1, v2, v3, left, i, left_end, left_end)
    return one, _finished(w0, w1, w2, w3, right, i, right_end, right_end)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def siphash_numbers(numbers: Array, count: int, k0: Any, k1: Any) -> Any:
    """SipHash-2-4 of the first ``count`` numbers of a uint64 array, taken as little-endian bytes."""
    v0, v1, v2, v3 = _V0 ^ k0, _V1 ^ k1, _V2 ^ k0, _V3 ^ k1
    for i in range(count):
        word = numbers[i]
        v3 = v3 ^ word
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0 = v0 ^ word
    word = np.uint64(count * 8) << _S56
    v3 = v3 ^ word
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0 = v0 ^ word
    v2 = v2 ^ _FF
    for _ in range(4):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    return v0 ^ v1 ^ v2 ^ v3


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def siphash_spans(buffer: Array, offsets: Array, k0: Any, k1: Any, trim: bool, out: Array) -> None:
    """Hash each span ``offsets[i]:offsets[i+1]`` into ``out`` (int64); `trim` leaves ASCII white space off its ends."""
    for i in range(out.size):
        start, end = np.int64(offsets[i]), np.int64(offsets[i + 1])
        if trim:
            start, end = trimmed(buffer, start, end)
        out[i] = np.int64(siphash(buffer, start, end, k0, k1))


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def trimmed(buffer: Array, start: int, end: int) -> Any:
    """The span without ASCII white space at its ends."""
    while start < end and (buffer[start] == 32 or 9 <= buffer[start] <= 13):
        start += 1
    while end > start and (buffer[end - 1] == 32 or 9 <= buffer[end - 1] <= 13):
        end -= 1
    return start, end


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def siphash_pairs(left: Array, right: Array, k0: Any, k1: Any) -> Array:
    """int64 hash of each pair of int64 numbers."""
    out = np.empty(left.size, dtype=np.int64)
    pair = np.empty(2, dtype=np.uint64)
    for i in range(left.size):
        pair[0], pair[1] = np.uint64(left[i]), np.uint64(right[i])
        out[i] = np.int64(siphash_numbers(pair, 2, k0, k1))
    return out
