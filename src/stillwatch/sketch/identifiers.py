"""Identifiers become keyed hashes; addresses are first brought to one spelling, and their network taken.

A hash's domain is the column of KEPT that it may meet: ``org``, ``key``, ``end_user``, ``session``, ``ip``, ``net``,
``asn``, ``user_agent``; an accounts file's ``signup_ip`` goes by ``ip``. The empty string is no identifier: null.
"""

from __future__ import annotations

import ipaddress
from typing import Any

import numba
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.sketch.columns import int64_array, text_column
from stillwatch.sketch.siphash import domain_key, siphash_spans

Array = Any

LONGEST_ADDRESS = 64
_LONGEST_PLAIN = 43
_ZERO_24, _SLASH_48 = (np.frombuffer(end, dtype=np.uint8).copy() for end in (b"0/24", b"/48"))


def hash_identifiers(values: pa.Array, domain: str, key: bytes) -> pa.Array:
    """int64 SipHash-2-4 of each string under the key of `domain`; null and the empty string give null."""
    text = text_column(values)
    out = np.zeros(len(values), dtype=np.int64)
    k0, k1 = domain_key(key, domain)
    siphash_spans(text.data, text.offsets, k0, k1, False, out)
    return int64_array(out, text.known & (np.diff(text.offsets) > 0))


def canonical_addresses(ips: pa.Array) -> pa.Array:
    """Each address in one spelling: IPv6 compressed, IPv4-mapped as IPv4, a port left off; junk cut to 64 characters."""  # noqa: E501
    return _read_addresses(ips, False, _canonical)


def networks(ips: pa.Array) -> pa.Array:
    """The /24 of each IPv4 and the /48 of each IPv6 address (``192.0.2.0/24``); null for what is no address."""
    return _read_addresses(ips, True, _network)


def _read_addresses(ips: pa.Array, network: bool, change: Any) -> pa.Array:
    """Addresses as everybody writes them are read in place; each other spelling goes through `change` once."""
    text = text_column(ips)
    offsets, plain = np.zeros(len(ips) + 1, dtype=np.int32), np.zeros(len(ips), dtype=np.bool_)
    data = _write_addresses(text.data, text.offsets, text.known, network, offsets, plain)
    quick = pa.Array.from_buffers(
        pa.string(), len(ips), [pa.array(plain).buffers()[1], pa.py_buffer(offsets), pa.py_buffer(data)]
    )
    rest = ~plain & text.known
    if not rest.any():
        return quick
    return pc.if_else(pa.array(plain), quick, _through_distinct(ips, rest, change))


def _through_distinct(values: pa.Array, chosen: Array, change: Any) -> pa.Array:
    """`values`, with `change` applied to the chosen ones; each distinct value goes through Python once."""
    if not chosen.any():
        return values
    mask = pa.array(chosen)
    coded = pc.if_else(mask, values, pa.scalar(None, pa.string())).dictionary_encode()
    changed = pa.array([None if v is None else change(v) for v in coded.dictionary.to_pylist()], pa.string())
    return pc.if_else(mask, changed.take(coded.indices), values)


def _parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _canonical(text: str) -> str | None:
    address = _parsed(text[: 4 * LONGEST_ADDRESS])
    return str(address) if address is not None else text.strip()[:LONGEST_ADDRESS] or None


def _network(text: str) -> str | None:
    address = _parsed(text[: 4 * LONGEST_ADDRESS])
    if address is None:
        return None
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 48), strict=False))


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _write_addresses(
    data: Array, offsets: Array, known: Array, network: bool, out_offsets: Array, plain: Array
) -> Array:
    """The bytes of all plain addresses, one after the other; sets where each ends and which are plain."""
    out = np.empty(known.size * _LONGEST_PLAIN + 8, dtype=np.uint8)
    groups = np.zeros(8, dtype=np.int64)
    at = 0
    for row in range(known.size):
        if known[row]:
            start, end = np.int64(offsets[row]), np.int64(offsets[row + 1])
            head = _dotted(data, start, end)
            if head > 0:
                plain[row] = True
                stop = start + head if network else end
                for i in range(start, stop):
                    out[at] = data[i]
                    at += 1
                if network:
                    at = _put(out, at, _ZERO_24)
            elif _coloned(data, start, end, groups):
                plain[row] = True
                if network:
                    groups[3:] = 0
                at = _put_groups(out, at, groups)
                if network:
                    at = _put(out, at, _SLASH_48)
        out_offsets[row + 1] = at
    return out[:at]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _dotted(data: Array, start: int, end: int) -> int:
    """Bytes before the last number of an IPv4 address as everybody writes it; 0 where it is none."""
    numbers, digits, value, head = 0, 0, 0, 0
    if end - start > 15:
        return 0
    for i in range(start, end + 1):
        byte = np.int64(data[i]) if i < end else 0x2E
        if byte == 0x2E:
            if digits == 0 or value > 255 or (digits > 1 and data[i - digits] == 0x30):
                return 0
            numbers += 1
            if numbers == 3:
                head = i + 1 - start
            digits = value = 0
        elif byte >= 0x30 and byte <= 0x39:
            value = value * 10 + byte - 0x30  # type: ignore[assignment]
            digits += 1
        else:
            return 0
    return head if numbers == 4 else 0


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _coloned(data: Array, start: int, end: int, groups: Array) -> bool:
    """Whether it is an IPv6 address of digits and colons alone, with its groups; one that holds an IPv4 is not."""
    if end - start < 2 or end - start > _LONGEST_PLAIN - 4:
        return False
    count, gap, i = 0, -1, start
    while i < end:
        if data[i] == 0x3A:
            if i + 1 < end and data[i + 1] == 0x3A:
                if gap >= 0:
                    return False
                gap = count
                i += 2
                continue
            if i == start or i + 1 == end or data[i - 1] == 0x3A:
                return False
            i += 1
        value, digits = 0, 0
        while i < end and data[i] != 0x3A:
            byte = np.int64(data[i])
            if byte >= 0x30 and byte <= 0x39:
                byte -= 0x30
            elif (byte | 32) >= 0x61 and (byte | 32) <= 0x66:
                byte = (byte | 32) - 0x61 + 10
            else:
                return False
            value = value * 16 + byte  # type: ignore[assignment]
            digits += 1
            i += 1
        if digits == 0 or digits > 4 or count == 8:
            return False
        groups[count] = value
        count += 1
    if gap < 0:
        if count != 8:
            return False
    else:
        if count > 7:
            return False
        behind = count - gap
        for k in range(behind):
            groups[7 - k] = groups[count - 1 - k]
        groups[gap : 8 - behind] = 0
    mapped = groups[5] == 0xFFFF
    for k in range(5):
        mapped = mapped and groups[k] == 0
    return not mapped


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _put(out: Array, at: int, word: Array) -> Any:
    for k in range(word.size):
        out[at + k] = word[k]
    return at + word.size


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _put_groups(out: Array, at: int, groups: Array) -> int:
    """Write an IPv6 address: no leading zeros, its first longest run of zero groups as ``::`` (RFC 5952)."""
    best, longest, run = -1, 1, 0
    for k in range(8):
        run = run + 1 if groups[k] == 0 else 0
        if run > longest:
            best, longest = k + 1 - run, run
    k = 0
    while k < 8:
        if k == best:
            out[at], out[at + 1] = 0x3A, 0x3A
            at += 2
            k += longest
            continue
        if k > 0 and (best < 0 or k != best + longest):
            out[at] = 0x3A
            at += 1
        begun = False
        for shift in (12, 8, 4, 0):
            digit = (groups[k] >> shift) & 15
            begun = begun or digit != 0 or shift == 0
            if begun:
                out[at] = 0x30 + digit if digit < 10 else 0x57 + digit
                at += 1
        k += 1
    return at
