"""What each character is to the fingerprints: letter, space, punctuation, digit, unspaced script, or invisible.

Part of the public fingerprint, for gateways and the analysis alike: two providers meet only with equal tables. So they
are written out as ranges and do not ask the interpreter's Unicode data, except for lower case inside old blocks, whose
case pairs are frozen by Unicode's stability policy. Half of a surrogate pair counts as U+FFFD, which is what ingest
makes of it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import groupby

LETTER, SPACE, PUNCT, DIGIT, UNSPACED, IGNORE = 0, 1, 2, 3, 4, 5

_UNSPACED = (
    (0xE01, 0xE4E), (0xE81, 0xEDF), (0x1000, 0x109F), (0x1780, 0x17D3), (0x3005, 0x3007), (0x3041, 0x30FF),
    (0x31F0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0xFF66, 0xFF9F),
)  # fmt: skip
_PUNCT = (
    (0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E), (0xA1, 0xA9), (0xAB, 0xAC), (0xAE, 0xB4),
    (0xB6, 0xB9), (0xBB, 0xBF), (0xD7, 0xD7), (0xF7, 0xF7), (0x589, 0x58A), (0x5BE, 0x5BE), (0x5C0, 0x5C0),
    (0x5C3, 0x5C3), (0x5F3, 0x5F4), (0x60C, 0x60D), (0x61B, 0x61F), (0x66A, 0x66D), (0x6D4, 0x6D4),
    (0x964, 0x965), (0xE2F, 0xE2F), (0xE3F, 0xE3F), (0xE4F, 0xE4F), (0xE5A, 0xE5B), (0x104A, 0x104F),
    (0x17D4, 0x17DB), (0x2010, 0x2027), (0x2030, 0x205E), (0x2070, 0x2BFF), (0x2E00, 0x2E7F),
    (0x3001, 0x3004), (0x3008, 0x3020), (0x3030, 0x3030), (0x303D, 0x303F), (0x30FB, 0x30FB),
    (0xD800, 0xDFFF), (0xFE10, 0xFE1F), (0xFE30, 0xFE6F), (0xFF01, 0xFF0F), (0xFF1A, 0xFF20), (0xFF3B, 0xFF40),
    (0xFF5B, 0xFF65), (0xFFE0, 0xFFEF), (0xFFFC, 0xFFFD),
)  # fmt: skip
_SPACE = (
    (0x00, 0x20), (0x7F, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F),
    (0x205F, 0x205F), (0x3000, 0x3000),
)  # fmt: skip
_IGNORE = (
    (0xAD, 0xAD), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF),
)  # fmt: skip
_DIGIT_ZEROS = (0x30, 0x660, 0x6F0, 0x966, 0x9E6, 0xE50, 0xED0, 0x1040, 0x17E0, 0xFF10)
_CASED_BLOCKS = ((0x00, 0x58F), (0x1E00, 0x1FFF))
_BEYOND = ((0x1F000, 0x1FAFF, PUNCT), (0x20000, 0x3FFFF, UNSPACED), (0xE0000, 0x10FFFF, IGNORE))
"""Beyond the first 65,536 characters; all others there are letters."""


@lru_cache(maxsize=1)
def classes() -> bytes:
    """The class of each of the first 65,536 characters; later ranges of this module's lists go before earlier ones."""
    out = bytearray(65536)
    for ranges, number in ((_UNSPACED, UNSPACED), (_PUNCT, PUNCT), (_SPACE, SPACE), (_IGNORE, IGNORE)):
        for first, last in ranges:
            out[first : last + 1] = bytes([number]) * (last + 1 - first)
    for zero in _DIGIT_ZEROS:
        out[zero : zero + 10] = bytes([DIGIT]) * 10
    return bytes(out)


def class_of(code: int) -> int:
    """The class of any code point."""
    if code < 65536:
        return classes()[code]
    return next((number for first, last, number in _BEYOND if first <= code <= last), LETTER)


@lru_cache(maxsize=1)
def folds() -> dict[int, int]:
    """Characters that fold to another (lower case in old blocks, full width to ASCII), for `str.translate`."""
    out = {}
    for first, last in _CASED_BLOCKS:
        for code in range(first, last + 1):
            lower = chr(code).lower()
            # A fold may not need more bytes than the letter itself: the analysis' buffers count on it.
            if len(lower) == 1 and lower != chr(code) and len(lower.encode()) <= len(chr(code).encode()):
                out[code] = ord(lower)
    out.update({code: code - 0xFF01 + 0x21 for code in range(0xFF01, 0xFF5F)})
    return out


@lru_cache(maxsize=8)
def charset(*wanted: int) -> str:
    """The inside of a regular expression's ``[...]`` that matches the characters of these classes."""
    out, at = [], 0
    for number, run in groupby(classes()):
        size = sum(1 for _ in run)
        if number in wanted:
            out.append((at, at + size - 1))
        at += size
    start = 65536
    for first, last, number in (*_BEYOND, (0x110000, 0x110000, LETTER)):
        if LETTER in wanted and first > start:
            out.append((start, first - 1))
        if number in wanted and last <= 0x10FFFF:
            out.append((first, last))
        start = last + 1
    return "".join(f"{re.escape(chr(first))}-{re.escape(chr(last))}" for first, last in out)
