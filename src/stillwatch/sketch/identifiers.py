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


def hash_identifiers(values: pa.Array, domain: str, key: bytes) -> pa.Array:
    """int64 SipHash-2-4 of each string under the key of `domain`; null and the empty string give null."""
    text = text_column(values)
    out = np.zeros(len(values), dtype=np.int64)
    k0, k1 = domain_key(key, domain)
    siphash_spans(text.data, text.offsets, k0, k1, False, out)
    return int64_array(out, text.known & (np.diff(text.offsets) > 0))


def canonical_addresses(ips: pa.Array) -> pa.Array:
    """Each address in one spelling: IPv6 compressed, IPv4-mapped as IPv4, a port left off; junk cut to 64 characters."""  # noqa: E501
    plain = _dotted(ips)[0]
    return _through_distinct(ips, ~plain, _canonical)


def networks(ips: pa.Array) -> pa.Array:
    """The /24 of each IPv4 and the /48 of each IPv6 address (``192.0.2.0/24``); null for what is no address."""
    plain, heads = _dotted(ips)
    text = text_column(ips)
    starts = text.offsets[:-1].astype(np.int64)
    sizes = np.where(plain, heads + 4, 0)
    offsets = np.zeros(len(ips) + 1, dtype=np.int32)
    np.cumsum(sizes, out=offsets[1:])
    data = np.empty(int(offsets[-1]), dtype=np.uint8)
    _write_networks(text.data, starts, heads, plain, offsets, data)
    quick = pa.Array.from_buffers(
        pa.string(), len(ips), [pa.array(plain).buffers()[1], pa.py_buffer(offsets), pa.py_buffer(data)]
    )
    rest = ~plain & text.known
    if not rest.any():
        return quick
    return pc.if_else(pa.array(plain), quick, _through_distinct(ips, rest, _network))


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


def _dotted(ips: pa.Array) -> tuple[Array, Array]:
    """(is it IPv4 as everybody writes it, bytes before its last number) for each value."""
    text = text_column(ips)
    plain, heads = np.zeros(len(ips), dtype=np.bool_), np.zeros(len(ips), dtype=np.int64)
    _find_dotted(text.data, text.offsets, text.known, plain, heads)
    return plain, heads


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _find_dotted(data: Array, offsets: Array, known: Array, plain: Array, heads: Array) -> None:
    for row in range(plain.size):
        if not known[row]:
            continue
        start, end = np.int64(offsets[row]), np.int64(offsets[row + 1])
        numbers, digits, value, good = 0, 0, 0, end - start <= 15
        i = start
        while good and i <= end:
            byte = np.int64(data[i]) if i < end else 0x2E
            if byte == 0x2E:
                good = digits > 0 and value <= 255 and not (digits > 1 and data[i - digits] == 0x30)  # type: ignore[assignment]
                numbers += 1
                if numbers == 3:
                    heads[row] = i + 1 - start
                digits = value = 0
            elif byte >= 0x30 and byte <= 0x39:
                value = value * 10 + byte - 0x30  # type: ignore[assignment]
                digits += 1
            else:
                good = False  # type: ignore[assignment]
            i += 1
        plain[row] = good and numbers == 4


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _write_networks(data: Array, starts: Array, heads: Array, plain: Array, offsets: Array, out: Array) -> None:
    for row in range(plain.size):
        if plain[row]:
            at = np.int64(offsets[row])
            for k in range(heads[row]):
                out[at + k] = data[starts[row] + k]
            at += heads[row]
            out[at], out[at + 1], out[at + 2], out[at + 3] = 0x30, 0x2F, 0x32, 0x34
