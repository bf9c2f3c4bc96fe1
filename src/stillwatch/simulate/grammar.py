"""Sentences out of bags of words, a whole batch at a time.

A text is a list of pieces; each piece is a literal or a bag whose member is chosen by a key: the
exchange, the session, the account, the task's number, or the template. Equal keys give equal words, so
that one task item reads the same wherever it is asked and a customer's template stays the same for months.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

U64 = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15


def mix(keys: U64, salt: int) -> U64:
    """SplitMix64 of each key under a salt: independent-looking 64-bit numbers."""
    z = keys + np.uint64((salt * _GOLDEN) & _MASK)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def share(keys: U64, salt: int) -> npt.NDArray[np.float64]:
    """A number in [0, 1) for each key."""
    return (mix(keys, salt) >> np.uint64(11)).astype(np.float64) / float(1 << 53)


class Bag:
    """Words or phrases of which one is taken. Weights are given by repeating a member."""

    def __init__(self, words: str | Iterable[str]) -> None:
        members = [w.strip() for w in words.strip().split("|")] if isinstance(words, str) else list(words)
        self.words: tuple[str, ...] = tuple(members)
        self.array: Any = pa.array(self.words, pa.string())
        self.salt = zlib.crc32("|".join(self.words[:4]).encode())

    def __len__(self) -> int:
        return len(self.words)

    def take(self, keys: U64, salt: int) -> Any:
        """One member for each key."""
        index = (mix(keys, salt * 131 + self.salt) >> np.uint64(16)) % np.uint64(len(self.words))
        return self.array.take(pa.array(index.astype(np.int32)))

    def __mul__(self, other: Bag) -> Bag:
        """Every pair of members with a space between."""
        return Bag([f"{a} {b}" for a in self.words for b in other.words])


@dataclass
class Keys:
    """What the words of a batch of exchanges hang on, one number an exchange."""

    row: U64
    session: U64
    account: U64
    item: U64
    template: U64
    turn: Ints
    loose: float = 0.0
    """Share of a template's own phrases that an exchange words differently."""

    def __len__(self) -> int:
        return len(self.row)

    def at(self, index: Ints) -> Keys:
        """The same for some of the exchanges."""
        return replace(
            self,
            **{k: getattr(self, k)[index] for k in ("row", "session", "account", "item", "template", "turn")},
        )

    def by(self, name: str, salt: int) -> U64:
        """The numbers that a piece hangs on. ``phrase``: the template's, except where this exchange paraphrases."""
        if name == "phrase":
            if self.loose <= 0:
                return self.template
            return np.where(share(self.row, salt + 7001) < self.loose, self.row, self.template)
        if name == "house":
            return self.account
        found: U64 = getattr(self, name)
        return found


Piece = str | Bag | tuple[Bag, str]
Writer = Callable[[Keys], Any]


def write(pieces: Sequence[Piece], keys: Keys, salt: int = 0) -> Any:
    """Join the pieces of each exchange; a bag without a key is taken by exchange."""
    columns: list[Any] = []
    for place, piece in enumerate(pieces):
        if isinstance(piece, str):
            columns.append(piece)
            continue
        bag, by = piece if isinstance(piece, tuple) else (piece, "row")
        where = salt * 1009 + place
        columns.append(bag.take(keys.by(by, where), where))
    if not any(not isinstance(c, str) for c in columns):
        return pa.array(["".join(columns)] * len(keys), pa.string())
    return pc.binary_join_element_wise(*columns, "")


def writer(*pieces: Piece, salt: int = 0) -> Writer:
    """A writer of these pieces."""
    return lambda keys: write(pieces, keys, salt)


def gather(parts: Sequence[tuple[Ints, Any]], total: int) -> Any:
    """Put texts written for parts of a batch back into the batch's order; the parts must cover it."""
    if len(parts) == 1 and len(parts[0][0]) == total:
        return parts[0][1]
    where = np.concatenate([index for index, _ in parts])
    back = np.empty(total, np.int64)
    back[where] = np.arange(total)
    return pa.concat_arrays([texts for _, texts in parts]).take(pa.array(back))


def choose(options: Sequence[tuple[float, Writer]], by: str = "account", salt: int = 0) -> Writer:
    """A writer that picks among writers by weight and key."""
    edges = np.cumsum([weight for weight, _ in options])
    edges = edges / edges[-1]

    def written(keys: Keys) -> Any:
        which = np.searchsorted(edges, share(keys.by(by, 0), salt + 911), side="right")
        parts: list[tuple[Ints, Any]] = []
        for number, (_, each) in enumerate(options):
            index = np.flatnonzero(which == number)
            if len(index):
                parts.append((index, each(keys.at(index))))
        return gather(parts, len(keys)) if parts else pa.array([], pa.string())

    return written


def quoted(texts: Any) -> Any:
    """The texts as JSON strings, quotation marks included."""
    for old, new in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\t", "\\t")):
        texts = pc.replace_substring(texts, old, new)
    return pc.binary_join_element_wise('"', texts, '"', "")


_ONSETS = [
    "b",
    "c",
    "d",
    "f",
    "g",
    "h",
    "j",
    "k",
    "l",
    "m",
    "n",
    "p",
    "r",
    "s",
    "t",
    "v",
    "z",
    "br",
    "ch",
    "cl",
    "dr",
    "fl",
    "gr",
    "kr",
    "pl",
    "pr",
    "sh",
    "sl",
    "st",
    "th",
    "tr",
]
_VOWELS = ["a", "e", "i", "o", "u", "ai", "ea", "io", "ou"]
_ENDS = ["", "", "n", "r", "l", "s", "x", "nd", "rt", "m"]


def invented_names(count: int, seed: int) -> list[str]:
    """Pronounceable names of nobody, all different."""
    rng = np.random.default_rng(seed)
    found: dict[str, None] = {}
    while len(found) < count:
        size = count
        pick = [rng.integers(0, len(x), (size, 3)) for x in (_ONSETS, _VOWELS, _ENDS)]
        long = rng.random(size) < 0.6
        for i in range(size):
            parts = 3 if long[i] else 2
            name = "".join(
                _ONSETS[pick[0][i, j]] + _VOWELS[pick[1][i, j]] + (_ENDS[pick[2][i, j]] if j == parts - 1 else "")
                for j in range(parts)
            )
            found[name] = None
    return list(found)[:count]


@dataclass(frozen=True)
class Said:
    """The writers of one kind of traffic."""

    prompt: Writer
    follow: Writer | None = None
    system: Writer | None = None
    answer: Writer | None = None
    foreign: Writer | None = None
    """Earlier answers in the inbound history that this provider never gave."""
    notes: dict[str, str] = field(default_factory=dict)
