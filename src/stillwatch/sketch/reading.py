"""Read texts once: fold, mask, cut into words, and leave hashes, fingerprints, script and language.

`read_texts` goes over each text once, character by character, and writes two scratch copies: the *folded*
text (lower case, white space runs to one space, invisible characters dropped) and the *masked* one (the same
with each number and each quoted passage replaced by a mark). A quotation is masked by going back to where it
opened; one that does not close within its bound stays as it is, so reading is linear in the text's length.
Units are words with numbers masked, or characters of scripts without spaces. Numba; no Python object inside.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from stillwatch.sketch.characters import LANGUAGES, SCRIPTS, Tables, tables
from stillwatch.sketch.json_scan import put_character
from stillwatch.sketch.public_hashes import (
    MOST_FINGERPRINTS,
    closing_hash,
    mix,
    opening_hash,
    sampled_shingles,
    word_hash,
)
from stillwatch.sketch.siphash import load64, siphash_two, store64, trailing_zeros
from stillwatch.sketch.votes import count_bits, majority
from stillwatch_gateway.characters import DIGIT, IGNORE, LETTER, PUNCT, SPACE, UNSPACED

Array = Any

LONGEST_TEXT = 1 << 20
"""Bytes of a text that are read; the rest is not looked at."""
NUMBER_MARK, QUOTE_MARK = 1, 2
QUOTE_BOUND, FENCE_BOUND = 2048, 16384
"""A quotation longer than this many bytes is no quotation (fences: code blocks)."""
LANGUAGE_WORDS = 64
_PLANES = 21
_LATN, _ZZZZ, _HANI = SCRIPTS.index("Latn"), SCRIPTS.index("Zzzz"), SCRIPTS.index("Hani")
_SCRIPT_COUNT, _LANGUAGE_COUNT = len(SCRIPTS), len(LANGUAGES)
_FENCE = 4
_CASE_BITS, _HIGH_BITS = np.uint64(0x2020202020202020), np.uint64(0x8080808080808080)
_FROM_A, _FROM_Z = np.uint64(0x1F1F1F1F1F1F1F1F), np.uint64(0x0505050505050505)
_HAS_LETTERS, _SHORT, _VOTES = 1, 2, 4
_S52, _S49, _SEVEN = np.uint64(52), np.uint64(49), np.uint64(7)
_ONE, _BIGRAM = np.uint64(1), np.uint64(0xE7037ED1A0B428DB)


class Reading(NamedTuple):
    """One row a text, in order. Hashes are int64 with `known` bits 1, 2, 4, 8, 16 = folded, opening, closing,
    topic, (reserved); `scripts` and `languages` are counts, one row a text; `samples` are (text, fingerprint)."""

    folded: Array
    masked: Array
    opening: Array
    closing: Array
    topic: Array
    known: Array
    chars: Array
    words: Array
    scripts: Array
    languages: Array
    sampled_text: Array
    sampled: Array


FOLDED_KNOWN, OPENING_KNOWN, CLOSING_KNOWN, TOPIC_KNOWN = 1, 2, 4, 8


def read_texts(
    buffer: Array, starts: Array, ends: Array, folded_key: Any, masked_key: Any, *, sample: bool
) -> Reading:
    """Read the texts ``buffer[starts[i]:ends[i]]`` (valid UTF-8; start -1: none); fingerprints only where `sample`."""
    count = len(starts)
    longest = min(int((ends - starts).max(initial=0)), LONGEST_TEXT)
    out = Reading(
        np.zeros(count, dtype=np.int64),
        np.zeros(count, dtype=np.int64),
        np.zeros(count, dtype=np.int64),
        np.zeros(count, dtype=np.int64),
        np.zeros(count, dtype=np.int64),
        np.zeros(count, dtype=np.uint8),
        np.zeros(count, dtype=np.int32),
        np.zeros(count, dtype=np.int32),
        np.zeros((count, _SCRIPT_COUNT), dtype=np.int32),
        np.zeros((count, _LANGUAGE_COUNT), dtype=np.int16),
        np.empty(0, dtype=np.int32),
        np.empty(0, dtype=np.int64),
    )
    texts, sampled = _read_all(
        buffer, starts, ends, folded_key[0], folded_key[1], masked_key[0], masked_key[1], sample, longest, tables(), out
    )
    return out._replace(sampled_text=texts, sampled=sampled)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _closer(code: int) -> int:
    """The closing character of an opening quotation mark; 0 where it is none."""
    if code == 0x22:
        return 0x22
    if code == 0x60:
        return 0x60
    if code == 0x201C or code == 0x201E:
        return 0x201D
    if code == 0x300C:
        return 0x300D
    if code == 0x300E:
        return 0x300F
    if code == 0xAB:
        return 0xBB
    return 0


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _common(words: Array, masks: Array, hashed: Any) -> Any:
    """The languages of a common word as bits; 0 for any other word."""
    slot = np.int64(hashed & np.uint64(words.size - 1))
    while words[slot] != np.uint64(0):
        if words[slot] == hashed:
            return masks[slot]
        slot = (slot + 1) & (words.size - 1)
    return np.uint32(0)


@numba.njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator]
def _letters_in(eight: Any) -> Any:
    """How many of eight bytes are ASCII letters, from the left to the first that is none."""
    low = eight | _CASE_BITS
    seven = low & ~_HIGH_BITS
    return trailing_zeros(~((seven + _FROM_A) & ~(seven + _FROM_Z) & ~eight) & _HIGH_BITS) >> 3


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _mark(masked: Array, word: int, end: int, letters: int, numeric: bool) -> Any:
    """What a word may do: be looked up by language, and vote on the topic where it is not short and holds no number."""
    least = 3 - 2 * np.int64(masked[word] >= 0xE0)
    votes = np.int64(letters > least) & ~np.int64(numeric)
    mark = _HAS_LETTERS | (np.int64(end - word <= 16) * _SHORT) | (votes * _VOTES)
    return np.uint8(np.int64(letters > 0) * mark)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _look_up(
    units: Array, marks: Array, count: int, votes: Array, voters: int, table: Tables, languages: Array
) -> int:
    """Count the common words of the first words of a text by language, and let the other words vote; the voters."""
    common = table.common_bits
    looked = 0
    for k in range(count):
        mark = marks[k]
        if not mark & _HAS_LETTERS:
            continue
        languages_of = np.uint32(0)
        if mark & _SHORT and common[units[k] >> _S52] >> ((units[k] >> _S49) & _SEVEN) & _ONE:
            languages_of = _common(table.common_words, table.common_masks, units[k])
        if looked < LANGUAGE_WORDS:
            looked += 1
            left = np.uint64(languages_of)
            while left:
                languages[trailing_zeros(left)] += 1
                left &= left - _ONE
        # Written in any case, kept only where it counts: a guess that goes wrong costs more than a write.
        votes[voters] = units[k]
        voters += np.int64(languages_of == np.uint32(0)) & np.int64(mark >> 2)  # type: ignore[assignment]
    return voters


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _read_all(
    buffer: Array, starts: Array, ends: Array, fk0: Any, fk1: Any, mk0: Any, mk1: Any, sample: bool, longest: int,
    table: Tables, out: Reading,
) -> Any:
    kinds, folds = table.kinds, table.folds
    folded = np.zeros(longest + 32, dtype=np.uint8)
    masked = np.zeros(longest + 32, dtype=np.uint8)
    units = np.zeros(longest + 8, dtype=np.uint64)
    marks = np.zeros(longest + 8, dtype=np.uint8)
    votes = np.zeros(longest + 8, dtype=np.uint64)
    planes = np.zeros(_PLANES, dtype=np.uint64)
    own = np.zeros(MOST_FINGERPRINTS, dtype=np.int64)
    sampled = np.empty(max(16 * starts.size, 1024), dtype=np.int64)
    sampled_text = np.empty(sampled.size, dtype=np.int32)
    kept = 0
    for t in range(starts.size):
        i = starts[t]
        end = ends[t]
        if end - i > LONGEST_TEXT:
            end = i + LONGEST_TEXT
            while buffer[end] & 0xC0 == 0x80:
                end -= 1
        out.chars[t] = 0
        if i < 0 or end <= i:
            continue
        f = m = count = unspaced = voters = chars = 0
        word = -1
        letters = 0
        space = in_number = numeric = False
        quote, quote_at, quote_from, quote_bound = 0, 0, 0, 0
        before = np.uint64(0)
        scripts = out.scripts[t]
        latin = 0
        # One turn more than there are characters: the end of the text ends the last word.
        while i <= end:
            code, step = 0x20, 1
            kind = SPACE
            script = 0
            if i < end:
                code = np.int64(buffer[i])  # type: ignore[assignment]
                if code < 0x80:
                    kind = np.int64(kinds[code])  # type: ignore[assignment]
                    if kind & 7 == LETTER:
                        if space and f > 0:
                            folded[f] = 0x20
                            masked[m] = 0x20
                            f += 1
                            m += 1
                        space = in_number = False
                        if word < 0:
                            word = m
                            letters = 0
                            numeric = False
                        going = True
                        while going:
                            first = i
                            step = 16
                            while step == 16 and i + 16 <= end:
                                # Sixteen at a time: lower case, how many are letters from the left, write all. Without
                                # a choice between the eights, since nobody can guess which words are longer than that.
                                eight, more = load64(buffer, i), load64(buffer, i + 8)
                                low, other = eight | _CASE_BITS, more | _CASE_BITS
                                step = _letters_in(eight)
                                step += (step >> 3) * _letters_in(more)
                                store64(folded, f, low)
                                store64(folded, f + 8, other)
                                store64(masked, m, low)
                                store64(masked, m + 8, other)
                                f += step
                                m += step
                                i += step
                            while step == 16 and i < end:
                                code = np.int64(buffer[i] | 32)  # type: ignore[assignment]
                                if buffer[i] >= 0x80 or code < 0x61 or code > 0x7A:
                                    break
                                folded[f] = code
                                masked[m] = code
                                f += 1
                                m += 1
                                i += 1
                            chars += i - first
                            letters += i - first
                            latin += i - first
                            # Most words are followed by a space and a letter: then the next one is read right here.
                            going = i + 1 < end and buffer[i] == 0x20 and buffer[i + 1] < 0x80
                            if going:
                                code = np.int64(buffer[i + 1] | 32)  # type: ignore[assignment]
                                going = code >= 0x61 and code <= 0x7A
                            if going:
                                units[count] = word_hash(masked, word, m)
                                marks[count] = _mark(masked, word, m, letters, numeric)
                                count += 1
                                before = np.uint64(0)
                                folded[f] = 0x20
                                masked[m] = 0x20
                                f += 1
                                m += 1
                                i += 1
                                chars += 1
                                word = m
                                letters = 0
                                numeric = False
                        continue
                    kind &= 7
                else:
                    if code < 0xE0:
                        code = ((code & 31) << 6) | (buffer[i + 1] & 63)
                        step = 2
                    elif code < 0xF0:
                        code = ((code & 15) << 12) | ((buffer[i + 1] & 63) << 6) | (buffer[i + 2] & 63)
                        step = 3
                    else:
                        code = (
                            ((code & 7) << 18) | ((buffer[i + 1] & 63) << 12) | ((buffer[i + 2] & 63) << 6)
                            | (buffer[i + 3] & 63)
                        )  # fmt: skip
                        step = 4
                    if code < 0x10000:
                        kind = np.int64(kinds[code]) & 7  # type: ignore[assignment]
                        script = np.int64(kinds[code]) >> 3  # type: ignore[assignment]
                        code = np.int64(folds[code])  # type: ignore[assignment]
                    elif code >= 0x20000 and code <= 0x3FFFF:
                        kind, script = UNSPACED, _HANI
                    elif code >= 0x1F000 and code <= 0x1FAFF:
                        kind = PUNCT
                    elif code >= 0xE0000:
                        kind = IGNORE
                    else:
                        kind, script = LETTER, _ZZZZ
                chars += 1
            if kind == IGNORE:
                i += step
                continue
            if kind == LETTER or kind == DIGIT:  # noqa: SIM109
                if space and f > 0:
                    folded[f] = 0x20
                    masked[m] = 0x20
                    f += 1
                    m += 1
                space = False
                if word < 0:
                    word = m
                    letters = 0
                    numeric = False
                f = put_character(folded, f, code)
                if kind == LETTER:
                    m = put_character(masked, m, code)
                    letters += 1
                    scripts[script] += 1
                    in_number = False
                else:
                    if not in_number:
                        masked[m] = NUMBER_MARK
                        m += 1
                    in_number = numeric = True
                i += step
                continue
            if (
                in_number
                and (code == 0x2E or code == 0x2C)
                and i + 1 < end
                and buffer[i + 1] >= 0x30
                and buffer[i + 1] <= 0x39
            ):
                folded[f] = code
                f += 1
                i += 1
                continue
            in_number = False
            if word >= 0:
                units[count] = word_hash(masked, word, m)
                marks[count] = _mark(masked, word, m, letters, numeric)
                count += 1
                word = -1
                before = np.uint64(0)
            if kind == SPACE:
                space = True
                i += step
                continue
            if space and f > 0:
                folded[f] = 0x20
                masked[m] = 0x20
                f += 1
                m += 1
            space = False
            if kind == UNSPACED:
                f = put_character(folded, f, code)
                first = m
                m = put_character(masked, m, code)
                hashed = word_hash(masked, first, m)
                units[count] = hashed
                marks[count] = np.uint8(0)
                count += 1
                unspaced += 1
                scripts[script] += 1
                if before != np.uint64(0):
                    votes[voters] = mix(before * _BIGRAM + hashed)
                    voters += 1
                before = hashed
                i += step
                continue
            if quote and i - quote_from > quote_bound:
                quote = 0
            if code == 0x60 and i + 2 < end and buffer[i + 1] == 0x60 and buffer[i + 2] == 0x60:
                while i < end and buffer[i] == 0x60:
                    folded[f] = 0x60
                    f += 1
                    i += 1
                    chars += 1
                chars -= 1
                if quote == _FENCE:
                    masked[quote_at] = QUOTE_MARK
                    m = quote_at + 1
                    quote = 0
                elif quote == 0:
                    quote, quote_at, quote_from, quote_bound = _FENCE, m, i, FENCE_BOUND
                    masked[m] = 0x60
                    masked[m + 1] = 0x60
                    masked[m + 2] = 0x60
                    m += 3
                continue
            f = put_character(folded, f, code)
            if quote > _FENCE and (code == quote or (quote == 0x201D and code == 0x201C)):
                masked[quote_at] = QUOTE_MARK
                m = quote_at + 1
                quote = 0
            else:
                if quote == 0:
                    closer = _closer(code)
                    if closer:
                        quote, quote_at, quote_from, quote_bound = closer, m, i, QUOTE_BOUND
                m = put_character(masked, m, code)
            i += step
        scripts[_LATN] += latin
        voters = _look_up(units, marks, count, votes, voters, table, out.languages[t])
        out.chars[t] = chars
        out.words[t] = count
        if f == 0:
            continue
        known = FOLDED_KNOWN
        one, other = siphash_two(folded, f, fk0, fk1, masked, m, mk0, mk1)
        out.folded[t], out.masked[t] = np.int64(one), np.int64(other)
        dense = 2 * unspaced > count
        found, hashed = opening_hash(units, count, dense)
        if found:
            known |= OPENING_KNOWN
            out.opening[t] = np.int64(hashed)
        found, hashed = closing_hash(units, count, dense)
        if found:
            known |= CLOSING_KNOWN
            out.closing[t] = np.int64(hashed)
        if voters > 0:
            known |= TOPIC_KNOWN
            count_bits(votes, voters, planes)
            out.topic[t] = np.int64(majority(planes, voters))
        out.known[t] = known
        if sample:
            more = sampled_shingles(units, count, dense, own)
            if kept + more > sampled.size:
                size = max(2 * sampled.size, kept + more)
                sampled = _grown64(sampled, kept, size)
                sampled_text = _grown32(sampled_text, kept, size)
            for k in range(more):
                sampled[kept + k] = own[k]
                sampled_text[kept + k] = t
            kept += more
    return sampled_text[:kept], sampled[:kept]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _grown64(old: Array, used: int, size: int) -> Array:
    new = np.empty(size, dtype=np.int64)
    new[:used] = old[:used]
    return new


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _grown32(old: Array, used: int, size: int) -> Array:
    new = np.empty(size, dtype=np.int32)
    new[:used] = old[:used]
    return new
