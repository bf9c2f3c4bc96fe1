"""Small steps over JSON bytes, compiled: skip a value, find a string's end, decode text out of content.

Lenient on purpose: it keeps within its bounds and linear on any bytes, and does not judge what it skips.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from stillwatch.sketch.siphash import load64, store64

Array = Any

_LOW, _HIGH = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)
_QUOTES, _SLASHES = np.uint64(0x2222222222222222), np.uint64(0x5C5C5C5C5C5C5C5C)
_ZERO = np.uint64(0)
_TYPE = np.frombuffer(b"type", dtype=np.uint8).copy()
_TEXT = np.frombuffer(b"text", dtype=np.uint8).copy()
_INPUT_TEXT = np.frombuffer(b"input_text", dtype=np.uint8).copy()
_OUTPUT_TEXT = np.frombuffer(b"output_text", dtype=np.uint8).copy()


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def is_word(buffer: Array, start: int, end: int, word: Array) -> bool:
    """Whether ``buffer[start:end]`` equals `word`."""
    if end - start != word.size:
        return False
    for k in range(word.size):  # noqa: SIM110 (a generator does not compile)
        if buffer[start + k] != word[k]:
            return False
    return True


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def skip_space(buffer: Array, i: int, end: int) -> int:
    """The next position that is no white space."""
    while i < end and (buffer[i] == 0x20 or buffer[i] == 0x0A or buffer[i] == 0x0D or buffer[i] == 0x09):
        i += 1
    return i


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def has_no_escape(buffer: Array, start: int, end: int) -> bool:
    """Whether ``buffer[start:end]`` holds no backslash."""
    i = start
    while i + 8 <= end:
        x = load64(buffer, i) ^ _SLASHES
        if (x - _LOW) & ~x & _HIGH:
            return False
        i += 8
    while i < end:
        if buffer[i] == 0x5C:
            return False
        i += 1
    return True


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def skip_string(buffer: Array, i: int, end: int) -> int:
    """Position of the quote that closes the string whose inside begins at `i`; -1 where none does."""
    while True:
        while i + 8 <= end:
            x = load64(buffer, i)
            q, s = x ^ _QUOTES, x ^ _SLASHES
            if (((q - _LOW) & ~q) | ((s - _LOW) & ~s)) & _HIGH:
                break
            i += 8
        while i < end and buffer[i] != 0x22 and buffer[i] != 0x5C:
            i += 1
        if i >= end:
            return -1
        if buffer[i] == 0x22:
            return i
        i += 2


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def skip_value(buffer: Array, i: int, end: int) -> int:
    """Position after the value that begins at `i`; -1 where it does not end or there is none."""
    if i >= end:
        return -1
    depth = 0
    while i < end:
        byte = buffer[i]
        if byte == 0x22:
            i = skip_string(buffer, i + 1, end)
            if i < 0:
                return -1
            i += 1
        elif byte == 0x7B or byte == 0x5B:
            depth += 1
            i += 1
            continue
        elif byte == 0x7D or byte == 0x5D:
            depth -= 1
            i += 1
            if depth < 0:
                return -1
        elif depth > 0:
            i += 1
            continue
        else:
            first = i
            while i < end and (
                (buffer[i] >= 0x61 and buffer[i] <= 0x7A)
                or (buffer[i] >= 0x30 and buffer[i] <= 0x39)
                or buffer[i] == 0x2B
                or buffer[i] == 0x2D
                or buffer[i] == 0x2E
                or buffer[i] == 0x45
            ):
                i += 1
            return i if i > first else -1
        if depth == 0:
            return i
    return -1


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _hex4(buffer: Array, i: int, end: int) -> int:
    if i + 4 > end:
        return -1
    code = 0
    for k in range(4):
        digit: Any = np.int64(buffer[i + k])
        if digit >= 0x30 and digit <= 0x39:
            digit -= 0x30
        elif (digit | 32) >= 0x61 and (digit | 32) <= 0x66:
            digit = (digit | 32) - 0x61 + 10
        else:
            return -1
        code = code * 16 + digit
    return code


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def put_character(out: Array, at: int, code: int) -> int:
    """Write a character as UTF-8; where the next one goes."""
    if code < 0x80:
        out[at] = code
        return at + 1
    if code < 0x800:
        out[at] = 0xC0 | (code >> 6)
        out[at + 1] = 0x80 | (code & 63)
        return at + 2
    if code < 0x10000:
        out[at] = 0xE0 | (code >> 12)
        out[at + 1] = 0x80 | ((code >> 6) & 63)
        out[at + 2] = 0x80 | (code & 63)
        return at + 3
    out[at] = 0xF0 | (code >> 18)
    out[at + 1] = 0x80 | ((code >> 12) & 63)
    out[at + 2] = 0x80 | ((code >> 6) & 63)
    out[at + 3] = 0x80 | (code & 63)
    return at + 4


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def decode_string(buffer: Array, i: int, end: int, out: Array, at: int) -> int:
    """Decode a JSON string's inside into `out`; where the next byte goes. Needs 8 bytes more room than the string."""
    while i < end:
        while i + 8 <= end:
            word = load64(buffer, i)
            x = word ^ _SLASHES
            if (x - _LOW) & ~x & _HIGH:
                break
            store64(out, at, word)
            i += 8
            at += 8
        while i < end and buffer[i] != 0x5C:
            out[at] = buffer[i]
            i += 1
            at += 1
        if i + 1 >= end:
            break
        escape = np.int64(buffer[i + 1])
        i += 2
        if escape == 0x6E:
            out[at] = 0x0A
        elif escape == 0x74:
            out[at] = 0x09
        elif escape == 0x72:
            out[at] = 0x0D
        elif escape == 0x62:
            out[at] = 0x08
        elif escape == 0x66:
            out[at] = 0x0C
        elif escape == 0x75:
            code = _hex4(buffer, i, end)
            if code < 0:
                # One byte, not U+FFFD's three: output must never outgrow input.
                code = 0x3F
            else:
                i += 4
                if code >= 0xD800 and code <= 0xDFFF:
                    low = -1
                    if code < 0xDC00 and i + 1 < end and buffer[i] == 0x5C and buffer[i + 1] == 0x75:
                        low = _hex4(buffer, i + 2, end)
                    if low >= 0xDC00 and low <= 0xDFFF:
                        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
                        i += 6
                    else:
                        code = 0xFFFD
            at = put_character(out, at, code) - 1
        elif escape < 0x80:
            out[at] = escape
        else:
            # No escape at all: leave the character whole for the next turn.
            i -= 1
            at -= 1
        at += 1
    return at


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _part(buffer: Array, i: int, end: int) -> Any:
    """(start, end) of a part's text inside its quotes; (-1, -1) for a part that is no text."""
    start, stop, readable = -1, -1, True
    i = skip_space(buffer, i + 1, end)
    while i < end and buffer[i] == 0x22:
        close = skip_string(buffer, i + 1, end)
        if close < 0:
            break
        value = skip_space(buffer, skip_space(buffer, close + 1, end) + 1, end)
        after = skip_value(buffer, value, end)
        if after < 0:
            break
        if is_word(buffer, i + 1, close, _TYPE):
            readable = buffer[value] == 0x22 and (
                is_word(buffer, value + 1, after - 1, _TEXT)
                or is_word(buffer, value + 1, after - 1, _INPUT_TEXT)
                or is_word(buffer, value + 1, after - 1, _OUTPUT_TEXT)
            )
        elif is_word(buffer, i + 1, close, _TEXT):
            start, stop = (value + 1, after - 1) if buffer[value] == 0x22 else (-1, -1)
        i = skip_space(buffer, after, end)
        if i >= end or buffer[i] != 0x2C:
            break
        i = skip_space(buffer, i + 1, end)
    return (start, stop) if readable else (-1, -1)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def content_text(buffer: Array, i: int, end: int, out: Array, at: int) -> Any:
    """Decode a message's content (string, or list of parts joined by line feeds) into `out`.

    (where the next byte goes, parts not read). `out` needs as much room as the content is long, and 8 bytes.
    """
    unread = 0
    byte = buffer[i]
    if byte == 0x22:
        return decode_string(buffer, i + 1, end - 1, out, at), 0
    if byte == 0x6E:
        return at, 0
    listed = byte == 0x5B
    if listed:
        i = skip_space(buffer, i + 1, end)
        if i < end and buffer[i] == 0x5D:
            return at, 0
    first = True
    while i < end:
        after = skip_value(buffer, i, end)
        if after < 0:
            break
        start, stop = -1, -1
        if buffer[i] == 0x22:
            start, stop = i + 1, after - 1
        elif buffer[i] == 0x7B:
            start, stop = _part(buffer, i, after)
        if start >= 0:
            if not first:
                out[at] = 0x0A
                at += 1
            first = False
            at = decode_string(buffer, start, stop, out, at)
        else:
            unread += 1
        if not listed:
            break
        i = skip_space(buffer, after, end)
        if i >= end or buffer[i] != 0x2C:
            break
        i = skip_space(buffer, i + 1, end)
    return at, unread
