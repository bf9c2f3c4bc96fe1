"""JSON that one value of a client's choosing made unreadable is made readable, or a client could hide its rows so."""

from __future__ import annotations

import math
import re
from typing import Any

import msgspec
import numpy as np

from stillwatch.ingest.defects import RowFault

#: Brackets deeper than this are cut out of a row that nests too deeply; a conversation needs about ten.
DEEPEST = 64
#: An end is not asked for: to look for one again from each quotation mark of a line that is cut takes too long.
_STRING = rb'"(?:[^"\\]|\\.)*+"?'
_decode = msgspec.json.Decoder().decode
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
_TEXT = re.compile(_STRING, re.DOTALL)
_NUMBER = re.compile(_STRING + rb"|(-?\d[\d.eE+-]*)", re.DOTALL)


def read_json(line: bytes | str) -> tuple[Any, bool]:
    """What JSON says, mended where it must be, and whether it was cut for its depth. Raises what msgspec does."""
    try:
        return _decode(line), False
    except RecursionError:
        line = mend_depth(_bytes(line))
        try:
            return _decode(line), True
        except msgspec.DecodeError:
            return _decode(mend_text(line)), True
    except msgspec.DecodeError:
        return _decode(mend_text(_bytes(line))), False


def _bytes(text: bytes | str) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8")


def mend_text(line: bytes) -> bytes:
    """Without a byte order mark, escapes of half a surrogate pair (U+FFFD) and endless numbers (null)."""
    line = line.removeprefix(b"\xef\xbb\xbf")
    line = _ESCAPE.sub(lambda found: rb"\ufffd" if found[1] else found[0], line)
    return _NUMBER.sub(lambda found: b"null" if found[1] and _endless(found[1]) else found[0], line)


def mend_depth(line: bytes) -> bytes:
    """With null in the place of what lies deeper than `DEEPEST` brackets; RowFault where brackets do not match."""
    bare = _TEXT.sub(lambda found: b'"' * len(found[0]), line)
    marks = np.frombuffer(bare, dtype=np.uint8) | 0x20  # `[` and `{`, `]` and `}` differ in this bit alone
    steps = (marks == ord("{")).astype(np.int8) - (marks == ord("}")).astype(np.int8)
    deep = np.cumsum(steps, dtype=np.int32) > DEEPEST
    edges = np.flatnonzero(deep[1:] != deep[:-1]) + 1
    if len(edges) % 2:
        raise RowFault("is not JSON")
    pieces, end = [], 0
    for begin, close in edges.reshape(-1, 2).tolist():
        pieces += [line[end:begin], b"null"]
        end = close + 1
    return b"".join([*pieces, line[end:]])


def _endless(number: bytes) -> bool:
    try:
        return not number.isdigit() and not number[1:].isdigit() and math.isinf(float(number))
    except ValueError:
        return False
