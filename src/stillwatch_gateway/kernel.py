"""The public fingerprints of a prompt in plain Python: opening, closing and shingles, equal to the analysis' own.

A *unit* is a word with its numbers masked, or one character of a script without spaces. `ends_of` looks at a few
hundred characters of each end; `shingles_of` reads all that is within the limit and belongs off the request's path.

What a text longer than `limit` characters gives (`Ends.truncated`): its opening and its shingles are those of its first
`limit` characters, without a word that the cut goes through; whether it counts as a script without spaces is decided on
these characters too; its closing is that of the text's real end, taken from its last `limit` characters (None where
they hold fewer than 13 words, or 25 characters of a script without spaces). For any other text every value is the one
that the analysis computes. Hashes are unsigned 64-bit numbers; `signed` gives what the analysis' tables hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from functools import lru_cache
from typing import NamedTuple

from stillwatch_gateway.characters import DIGIT, IGNORE, LETTER, UNSPACED, charset, folds

TEXT_LIMIT = 4096
LONGEST_TEXT = 1 << 20
"""The analysis reads so many bytes of a text; of one that may be longer the closing is not computed here."""

_ALL = 0xFFFFFFFFFFFFFFFF
_MIX1, _MIX2 = 0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53
_WORD, _STEP, _ROLL = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93, 0xA0761D6478BD642F
_WORD_SEED, _OPENING, _CLOSING = 0x5354494C4C570001, 0x5354494C4C571001, 0x5354494C4C572001
_SHINGLE4, _SHINGLE5 = 0x5354494C4C573001, 0x5354494C4C574001
_RATES = ((16, 1), (64, 4), (128, 8), (4096, 32), (32768, 256), (1 << 62, 2048))
_MOST_SHINGLES = 512
_NUMBER_MARK = "\x01"

_WINDOWS = (112, 448, 1792)
_PIECE = 512
_MOST_WORDS, _LONGEST_WORD = 32768, 48

_ASCII_UNITS: Callable[[str], list[str]] = re.compile(r"(?:[A-Za-z]++|[0-9]++(?:[.,][0-9]++)*+)++").findall
_ASCII_NUMBER = re.compile(r"[0-9]++(?:[.,][0-9]++)*+")
_UNSPACED_PAGES = {*range(0x34, 0x4D), *range(0x4E, 0xA0), 0xF9, 0xFA}
_PARTLY_UNSPACED = bytes({0x0E, 0x10, 0x17, 0x30, 0x31, 0x4D, 0xFF, *range(0xD8, 0xE0)})
_NEVER_UNSPACED = bytes(set(range(256)) - _UNSPACED_PAGES - set(_PARTLY_UNSPACED))
"""Of characters' high bytes in UTF-16: those of pages of 256 that hold none of a script without spaces."""
_RUNS = bytes(0x61 if chr(byte).isalnum() and byte < 128 else 0x20 for byte in range(256))
_NO_RUN = bytes({0x2C, 0x2E, *range(128, 256)})

_hashes: dict[str, int] = {}


class Ends(NamedTuple):
    """Opening and closing as unsigned 64 bits, or None where the text is too short for one; `unspaced`: most of its
    units are characters of a script without spaces; `truncated`: the text is longer than the limit."""

    opening: int | None
    closing: int | None
    unspaced: bool
    truncated: bool


def signed(mark: int) -> int:
    """The signed 64-bit number with the same bits, as the analysis' tables hold it."""
    return mark - (1 << 64) if mark >> 63 else mark


def unsigned(mark: int) -> int:
    """The unsigned 64-bit number with the same bits, as the wire and this package hold it."""
    return mark & _ALL


def ends_of(text: str, limit: int = TEXT_LIMIT) -> Ends:
    """Opening and closing of a text, as this module's first lines say."""
    unspaced = not text.isascii() and _is_unspaced(text[:limit])
    first, last = _end_units(text, limit, unspaced)
    return Ends(*_ends(first, last, unspaced), unspaced, len(text) > limit)


def ends_among(text: str, marks: Container[int | None], limit: int = TEXT_LIMIT) -> tuple[int | None, int | None]:
    """The opening and the closing of a text where they are among `marks`, else None.

    The same as asking `ends_of`, but whether a text is in a script without spaces, the dear question for mixed scripts,
    is only asked where one of the two answers leads to a mark.
    """
    unsure = not text.isascii() and bool(_unspaced_pages(text[:limit]))
    first, last = _end_units(text, limit, unsure)
    opening, closing = _ends(first, last, False)
    if unsure:
        other_opening, other_closing = _ends(first, last, True)
        if not (opening in marks or closing in marks or other_opening in marks or other_closing in marks):
            return None, None
        opening, closing = ends_of(text, limit)[:2]
    return opening if opening in marks else None, closing if closing in marks else None


def shingles_of(text: str, limit: int = TEXT_LIMIT, *, pause: Callable[[], None] | None = None) -> list[int]:
    """The sampled shingles of a text's first `limit` characters, in order, repeated as in the text; at most 512.

    `pause` is called every 64 units (some 60 µs), so that a background thread can let others go first.
    """
    head = text[:limit]
    if head.isascii():
        units, unspaced = _ASCII_UNITS(head), False
    else:
        units, unspaced = _patterns().units(head), _is_unspaced(head)
    if len(text) > limit:
        units = units[:-1]
    width = 5 if unspaced else 4
    count = len(units) - width + 1
    if count < 1:
        return []
    threshold = next((1 << 64) // rate for most, rate in _RATES if count <= most)
    seed = _SHINGLE5 if unspaced else _SHINGLE4
    hashes: list[int] = []
    out: list[int] = []
    joined = 0
    # The oldest unit of a window leaves by a multiplication that is the same for all.
    leaving = pow(_ROLL, width, 1 << 64)
    for i, unit in enumerate(units):
        if pause is not None and i % 64 == 63:
            pause()
        hashed = _word_hash(unit)
        hashes.append(hashed)
        joined = (joined * _ROLL + hashed) & _ALL
        if i >= width:
            joined = (joined - hashes[i - width] * leaving) & _ALL
        if i >= width - 1:
            mark = _mix(joined ^ seed)
            if mark <= threshold:
                out.append(mark)
                if len(out) == _MOST_SHINGLES:
                    break
    return out


def warm() -> None:
    """Build what the first text of another script would otherwise wait for (about 20 ms)."""
    ends_of("é")
    ends_of("字")


class _Patterns(NamedTuple):
    units: Callable[[str], list[str]]
    words: Callable[[str], list[str]]
    unspaced_run: re.Pattern[str]
    number: re.Pattern[str]
    invisible: re.Pattern[str]


@lru_cache(maxsize=1)
def _patterns() -> _Patterns:
    letters, digits = charset(LETTER), charset(DIGIT)
    invisible, unspaced = charset(IGNORE), charset(UNSPACED)
    # Invisible characters neither begin nor end a word; a point or comma stays in a number before an ASCII digit.
    number = f"[{digits}](?:[{digits}{invisible}]|[.,](?=[0-9]))*+"
    word = f"(?:[{letters}][{letters}{invisible}]*+|{number})++"
    return _Patterns(
        re.compile(f"[{unspaced}]|{word}").findall,
        re.compile(word).findall,
        re.compile(f"[{unspaced}]+"),
        re.compile(number),
        re.compile(f"[{invisible}]+"),
    )


def _end_units(text: str, limit: int, unspaced: bool) -> tuple[list[str], list[str]]:
    """At least as many units of both ends as opening and closing need, or all there are."""
    cut = len(text) > limit
    find, longest = (_ASCII_UNITS, LONGEST_TEXT) if text.isascii() else (_patterns().units, LONGEST_TEXT // 4)
    most, needed = (16, 24) if unspaced else (8, 12)
    first = _first(find, text[:limit], most, cut)
    return first, _last(find, text[-limit:], needed, cut) if len(text) <= longest else []


def _ends(first: list[str], last: list[str], unspaced: bool) -> tuple[int | None, int | None]:
    most, fewest, needed = (16, 8, 24) if unspaced else (8, 4, 12)
    return (
        _sequence(first[:most], _OPENING) if len(first) >= fewest else None,
        _sequence(last[-most:], _CLOSING) if len(last) >= needed else None,
    )


def _unspaced_pages(head: str) -> bytes:
    """The high bytes of the characters that may be of a script without spaces."""
    return head.encode("utf-16-le", "replace")[1::2].translate(None, _NEVER_UNSPACED)


def _is_unspaced(head: str) -> bool:
    """More than half of the units are characters of a script without spaces.

    The exact counts read every character by a regular expression; most texts are settled by bounds from their bytes.
    """
    pages = _unspaced_pages(head)
    if not pages:
        return False
    # Runs of ASCII letters with all that might join two of them left out: never more than there are words.
    least_words = len(head.encode("utf-8", "replace").translate(_RUNS, _NO_RUN).split())
    if least_words >= len(pages):
        return False
    if 2 * len(pages.translate(None, _PARTLY_UNSPACED)) > len(head):
        return True
    patterns = _patterns()
    rest, runs = patterns.unspaced_run.subn(" ", head)
    count = len(head) - len(rest) + runs
    if least_words >= count:
        return False
    words = 0
    for cuts, start in enumerate(range(0, len(rest), _PIECE)):
        # Between two words stands at least one character.
        if count > words + (len(rest) - start + 1) // 2:
            return True
        words += len(patterns.words(rest[start : start + _PIECE]))
        # Each cut may have made two words of one.
        if words - cuts >= count:
            return False
    return count > words or count > len(patterns.words(rest))


def _first(find: Callable[[str], list[str]], text: str, needed: int, cut: bool) -> list[str]:
    """At least `needed` whole units from the start of the text, or all; `cut`: its last unit may be half of one."""
    for size in _WINDOWS:
        if size >= len(text):
            break
        units = find(text[:size])
        if len(units) > needed:
            return units[:needed]
    units = find(text)
    return units[:-1] if cut else units


def _last(find: Callable[[str], list[str]], text: str, needed: int, cut: bool) -> list[str]:
    """At least `needed` whole units up to the end of the text, or all; `cut`: its first unit may be half of one."""
    for size in _WINDOWS:
        if size >= len(text):
            break
        units = find(text[-size:])
        if len(units) > needed:
            return units[-needed:]
    units = find(text)
    return units[1:] if cut else units


def _mix(value: int) -> int:
    value = ((value ^ (value >> 33)) * _MIX1) & _ALL
    value = ((value ^ (value >> 33)) * _MIX2) & _ALL
    return value ^ (value >> 33)


def _sequence(units: list[str], seed: int) -> int:
    hashed = seed + len(units)
    for unit in units:
        hashed = (hashed * _ROLL + (_hashes.get(unit) or _word_hash(unit))) & _ALL
        hashed ^= hashed >> 32
    return _mix(hashed)


def _word_hash(unit: str) -> int:
    """Hash of a unit as it stands in the text; those of common words are remembered, within a bound."""
    known = _hashes.get(unit)
    if known is not None:
        return known
    raw = _masked(unit)
    hashed = (_WORD_SEED + len(raw) * _WORD) & _ALL
    last = max(len(raw) - 1, 0) // 8 * 8
    for i in range(0, last, 8):
        hashed = ((hashed ^ int.from_bytes(raw[i : i + 8], "little")) * _STEP) & _ALL
        hashed ^= hashed >> 32
    hashed = _mix(hashed ^ int.from_bytes(raw[last:], "little"))
    if len(unit) <= _LONGEST_WORD:
        if len(_hashes) >= _MOST_WORDS:
            _hashes.clear()
        _hashes[unit] = hashed
    return hashed


def _masked(unit: str) -> bytes:
    if unit.isascii():
        return _ASCII_NUMBER.sub(_NUMBER_MARK, unit).lower().encode()
    patterns = _patterns()
    return patterns.invisible.sub("", patterns.number.sub(_NUMBER_MARK, unit)).translate(folds()).encode()
