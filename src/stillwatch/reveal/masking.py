"""A prompt becomes units: folded words and marks; whatever looks personal is a mark before anything is compared.

A unit is a word in lower case, or one character of a script that is written without spaces. Numbers, quotations, code
blocks, addresses, links and keys are marks, as in the masked hash of the text pass. Punctuation, controls, zero-width
and bidirectional characters are gone, so that no unit can be a formula, a tag or a direction. Linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from stillwatch_gateway.characters import DIGIT, IGNORE, PUNCT, SPACE, UNSPACED, class_of

LONGEST_WORD = 40
"""Characters; what is longer is no word, and may be a key."""
_QUOTED, _ADDRESS, _LINK, _KEY, _NUMBER = "\ue000", "\ue001", "\ue002", "\ue003", "\ue004"
#: How a mark is shown.
MARKS = {_QUOTED: "“…”", _ADDRESS: "‹address›", _LINK: "‹link›", _KEY: "‹key›", _NUMBER: "#"}

# Opening marks may not lie inside: then no text of them alone costs more than one look at each character.
_QUOTATIONS = re.compile('"[^"]*"|“[^“”]*”|„[^„”“]*[”“]|«[^«»]*»|「[^「」]*」|『[^『』]*』|`[^`]*`')
_PIECE = re.compile(r"[^\s,;:=<>()\[\]{}|]+")
_ASCII_RUN = re.compile(r"[!-~]+")
_LINKS = re.compile(r"://|^www\.|\w\.(?:com|net|org|io|dev|ai|cn|ru|de)(?:[/:?]|$)", re.ASCII | re.IGNORECASE)
_SECRET_SHAPE = re.compile(r"[A-Za-z0-9_+/.~$!%&*^-]{16,}", re.ASCII)
_INNER_CAPITAL = re.compile(r"[a-z][A-Z]")


class _Fold(dict[int, str]):
    """Each character as it is compared, found out when it is first met."""

    def __missing__(self, code: int) -> str:
        kind = class_of(code)
        letter = chr(code)
        if letter in MARKS:
            out = f" {letter} "
        elif letter in "'’":
            out = "'"
        elif kind == IGNORE or (kind not in (SPACE, PUNCT) and not letter.isprintable()):
            out = ""
        elif kind in (SPACE, PUNCT):
            out = " "
        elif kind == DIGIT or (letter.isnumeric() and kind != UNSPACED):
            out = _NUMBER
        elif kind == UNSPACED:
            out = f" {letter} "
        else:
            out = letter.lower()
        if code < 0x10000:
            self[code] = out
        return out


_FOLD = _Fold()
_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {
    code: None for first, last in ((0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0xFEFF, 0xFEFF), (0xAD, 0xAD))
    for code in range(first, last + 1)
}  # fmt: skip
_FORGED = {ord(mark): " " for mark in MARKS}


def units_of(text: str) -> list[str]:
    """The units of a prompt, in order; marks are single characters (`MARKS` says how they are shown)."""
    plain = text.translate(_FORGED).translate(_WIDE)
    plain = _QUOTATIONS.sub(f" {_QUOTED} ", _without_code(plain))
    plain = _ASCII_RUN.sub(_mask_link, plain)
    masked = _PIECE.sub(_mask_piece, plain)
    return list(_joined(masked.translate(_FOLD).split()))


def shown(units: list[str] | tuple[str, ...]) -> str:
    """Units as a person reads them: words with spaces between them, other scripts without."""
    out: list[str] = []
    for place, unit in enumerate(units):
        if place and not (is_unspaced(unit) and is_unspaced(units[place - 1])):
            out.append(" ")
        out.append(MARKS.get(unit, "") or "".join(MARKS.get(letter, letter) for letter in unit))
    return "".join(out)


def is_mark(unit: str) -> bool:
    """Whether a unit stands for something that is not shown."""
    return unit in MARKS


def is_unspaced(unit: str) -> bool:
    """Whether a unit is a character of a script that is written without spaces."""
    return len(unit) == 1 and class_of(ord(unit)) == UNSPACED


def _without_code(text: str) -> str:
    parts = text.split("```")
    if len(parts) < 3:
        return text
    closed = len(parts) - (len(parts) + 1) % 2
    inside = [part if place % 2 == 0 or place >= closed else _QUOTED for place, part in enumerate(parts)]
    return " ".join(inside)


def _mask_link(found: re.Match[str]) -> str:
    run = found[0]
    linked = "://" in run or ("@" not in run and _LINKS.search(run))
    return f" {_LINK} " if linked else run


def _mask_piece(found: re.Match[str]) -> str:
    """One piece between spaces and brackets, or the mark that stands for it."""
    piece = found[0]
    if "@" in piece:
        return f" {_ADDRESS} "
    # what a key looks like: long, of a key's alphabet, with digits among letters or capitals within
    for run in _SECRET_SHAPE.finditer(piece):
        body = run[0].strip(".-_!*")
        digits = sum(letter.isdigit() for letter in body)
        if len(body) >= 16 and ((digits and digits < len(body)) or len(_INNER_CAPITAL.findall(body)) > 2):
            return f" {_KEY} "
    return piece


def _joined(words: list[str]) -> Iterator[str]:
    """Words without apostrophes at their ends; numbers that follow each other (a card, a telephone) are one."""
    before = ""
    for word in words:
        unit = word.strip("'")
        if not unit:
            continue
        if len(unit) > LONGEST_WORD:
            unit = _KEY
        elif _NUMBER in unit:
            unit = re.sub(f"{_NUMBER}+", _NUMBER, unit)
        if unit in MARKS and unit == before:
            continue
        before = unit
        yield unit
