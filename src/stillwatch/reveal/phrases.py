"""From units to phrases: word sequences that, as a whole, at least so many customers sent.

Windows of a few units are counted over the customers that sent them. A run of windows that are all common is a
*candidate* only: it may be common only piece by piece, each piece in other people's prompts, and the whole of it be
one customer's. So a candidate is kept where the whole of it stands, word for word, in prompts of enough customers. To
find a template inside runs that common fillings prolong, runs are cut at rising counts, and every cut is checked alike.
Exact counts in arrays; time grows with the units (n log n for sorting), memory with the units read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stillwatch.reveal.masking import is_mark, is_unspaced, shown, units_of

Array = Any

WINDOW = 4
"""Units of the shortest phrase; a phrase of a script without spaces has at least `LEAST_CHARACTERS`."""
LEAST_CHARACTERS = 8
LONGEST_SHOWN = 400
"""Units: a longer phrase is cut to its first so many, which at least as many customers sent."""
MOST_PHRASES = 100
_MOST_WEIGHED = 2000
_RISE = 1.25
_CLEARER = 1.5
_MOST_HELD = 1 << 18
_ROLL = np.uint64(0xA0761D6478BD642F)
_MIX1, _MIX2 = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)


@dataclass(frozen=True)
class Phrase:
    """A phrase as shown (folded, marks for what is not shown), and in whose read prompts the whole of it stands.

    `accounts` of the campaign, `organisations`: unrelated customers among them (k or more), `exchanges`.
    """

    text: str
    accounts: int
    organisations: int
    exchanges: int


class Prompts:
    """Prompts as numbers, a text at a time; words are held as keyed 64-bit hashes and looked up at the end."""

    def __init__(self, key: bytes) -> None:
        self._key = hashlib.blake2b(key, digest_size=32, person=b"stillwatch-word").digest()
        self._held: dict[str, int] = {}
        self._units: list[Array] = []
        self._texts: list[str] = []
        self._accounts: list[int] = []
        self._customers: list[int] = []

    def add(self, text: str, account: int, customer: int) -> None:
        """One prompt of an account (number); `customer` is its place among the unrelated, -1 where it has none."""
        units = units_of(text)
        if len(units) < WINDOW:
            return
        self._units.append(np.fromiter((self._hashed(unit) for unit in units), np.uint64, len(units)))
        self._texts.append(text)
        self._accounts.append(account)
        self._customers.append(customer)

    def _hashed(self, unit: str) -> int:
        found = self._held.get(unit)
        if found is None:
            digest = hashlib.blake2b(unit.encode("utf-8", "replace"), digest_size=8, key=self._key).digest()
            found = int.from_bytes(digest, "little")
            if len(self._held) < _MOST_HELD:
                self._held[unit] = found
        return found

    def phrases(self, least: int) -> tuple[Phrase, ...]:
        """Phrases that at least `least` customers sent as a whole, the most telling first, in any order of prompts."""
        if not self._units:
            return ()
        flat = _Flat(self._units, self._customers)
        found = flat.common_runs(least)
        cut: dict[int, tuple[int, int]] = {}
        for start, end in found:
            end = min(end, start + LONGEST_SHOWN)
            cut.setdefault(flat.name(start, end), (start, end))
        weighed = []
        # the longest first; names are the same in any order of prompts, places are not
        longest = sorted(cut, key=lambda name: (cut[name][0] - cut[name][1], name))
        for start, end in (cut[name] for name in longest[:_MOST_WEIGHED]):
            units = self._read(flat, start, end)
            if _says_something(units):
                weighed.append((units, *flat.count(start, end, self._accounts)))
        return _telling(weighed)

    def _read(self, flat: _Flat, start: int, end: int) -> tuple[str, ...]:
        text = int(flat.text_of[start])
        begin = int(flat.begins[text])
        return tuple(units_of(self._texts[text])[start - begin : end - begin])


class _Flat:
    """All prompts end to end, with a hash of any stretch in constant time (polynomial, modulo 2**64)."""

    def __init__(self, units: Sequence[Array], customers: Sequence[int]) -> None:
        sizes = np.array([len(u) for u in units], dtype=np.int64)
        self.begins = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
        self.text_of = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
        self.customer_of = np.array(customers, dtype=np.int32)
        everything = np.concatenate(units)
        with np.errstate(over="ignore"):
            self._powers = np.ones(len(everything) + 1, dtype=np.uint64)
            self._powers[1:] = _ROLL
            self._powers = np.cumprod(self._powers, dtype=np.uint64)
            # Horner's rule backwards: suffix[i] - suffix[j] * roll**(j - i) is the stretch from i to before j
            self._prefix = np.zeros(len(everything) + 1, dtype=np.uint64)
            self._prefix[1:] = np.cumsum(everything * self._powers[:-1], dtype=np.uint64)
            self._inverse = np.ones(len(everything) + 1, dtype=np.uint64)
            self._inverse[1:] = np.uint64(pow(int(_ROLL), -1, 1 << 64))
            self._inverse = np.cumprod(self._inverse, dtype=np.uint64)
        self.ends = self.begins + sizes
        self.windows = self._starts_of(WINDOW)
        self._window_names = self.names(self.windows, self.windows + WINDOW)
        self._sorted = np.argsort(self._window_names, kind="stable")
        self._in_order = self._window_names[self._sorted]

    def names(self, starts: Array, ends: Array) -> Array:
        """A 64-bit name of each stretch: equal stretches, equal names."""
        with np.errstate(over="ignore"):
            value = (self._prefix[ends] - self._prefix[starts]) * self._inverse[starts]
            value = (value ^ (value >> np.uint64(33))) * _MIX1 + (ends - starts).astype(np.uint64) * _MIX2
            return (value ^ (value >> np.uint64(29))) * _MIX2

    def name(self, start: int, end: int) -> int:
        """The name of one stretch."""
        return int(self.names(np.array([start]), np.array([end]))[0])

    def _starts_of(self, length: int) -> Array:
        """Where a stretch of this length fits into one prompt."""
        room = self.ends - self.begins - length + 1
        room = np.maximum(room, 0)
        first = np.repeat(self.begins, room)
        inside = np.arange(room.sum()) - np.repeat(np.cumsum(room) - room, room)
        return first + inside

    def customers_of(self, names: Array, starts: Array) -> Array:
        """For each stretch the distinct customers whose prompts hold it; 0 where only relatives of others do."""
        customers = self.customer_of[self.text_of[starts]]
        counted = customers >= 0
        distinct, place = np.unique(names, return_inverse=True)
        pairs = np.unique(place[counted].astype(np.int64) << 32 | customers[counted].astype(np.int64))
        return np.bincount(pairs >> 32, minlength=len(distinct))[place]

    def common_runs(self, least: int) -> list[tuple[int, int]]:
        """Stretches (start, end), each of them in prompts of `least` customers or more as a whole; one of each name."""
        starts = self.windows
        counts = self.customers_of(self._window_names, starts)
        found: dict[int, tuple[int, int]] = {}
        asked, most = float(least), int(counts.max(initial=0))
        while asked <= most:
            common = starts[counts >= asked]
            new = np.ones(len(common), dtype=np.bool_)
            # prompts end a run by themselves: the last windows of each have no start
            new[1:] = np.diff(common) != 1
            firsts = common[new]
            lasts = common[np.append(np.flatnonzero(new)[1:] - 1, len(common) - 1)] + WINDOW
            names = self.names(firsts, lasts)
            held = self.customers_of(names, firsts) >= least
            distinct, at = np.unique(names[held], return_index=True)
            for name, start, end in zip(distinct, firsts[held][at], lasts[held][at], strict=True):
                found.setdefault(int(name), (int(start), int(end)))
            asked = max(asked * _RISE, asked + 1)
        return list(found.values())

    def count(self, start: int, end: int, accounts: Sequence[int]) -> tuple[int, int, int]:
        """(accounts, customers, exchanges) whose prompts hold this stretch anywhere."""
        first = self.names(np.array([start]), np.array([start + WINDOW]))[0]
        low = int(np.searchsorted(self._in_order, first))
        high = int(np.searchsorted(self._in_order, first, "right"))
        starts = self.windows[self._sorted[low:high]]
        starts = starts[starts + (end - start) <= self.ends[self.text_of[starts]]]
        same = starts[self.names(starts, starts + (end - start)) == self.name(start, end)]
        texts = np.unique(self.text_of[same])
        customers = self.customer_of[texts]
        senders = np.asarray(accounts, dtype=np.int64)[texts]
        return len(np.unique(senders)), len(np.unique(customers[customers >= 0])), len(texts)


def _says_something(units: tuple[str, ...]) -> bool:
    """Long enough to be a phrase, and neither of marks nor of single letters."""
    words = [unit for unit in units if not is_mark(unit) and (len(unit) > 1 or is_unspaced(unit))]
    single = sum(len(word) == 1 for word in words)
    return len(units) >= (LEAST_CHARACTERS if 2 * single > len(units) else WINDOW) and len(words) >= 3


def _telling(weighed: Iterable[tuple[tuple[str, ...], int, int, int]]) -> tuple[Phrase, ...]:
    """The phrases to show: none inside another one, unless clearly more customers sent it."""
    ordered = sorted(weighed, key=lambda w: (-w[2] * len(w[0]), w[0]))
    ordered = sorted(ordered[: 4 * MOST_PHRASES], key=lambda w: (-len(w[0]), w[0]))
    kept: list[tuple[str, tuple[str, ...], int, int, int]] = []
    for units, accounts, customers, exchanges in ordered:
        whole = f" {' '.join(units)} "
        if not any(whole in other and customers < _CLEARER * more for other, _, _, more, _ in kept):
            kept.append((whole, units, accounts, customers, exchanges))
    kept.sort(key=lambda w: (-w[3] * len(w[1]), w[1]))
    return tuple(Phrase(shown(units), a, c, e) for _, units, a, c, e in kept[:MOST_PHRASES])
