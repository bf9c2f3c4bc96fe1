"""One language: how it writes numbers, dates, hedges and likelihoods, read from a file an organisation can copy."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from stillwatch.errors import UsageError

_HERE = Path(__file__).parent / "languages"


@dataclass(frozen=True)
class Language:
    """The words of one language. `words` holds the tables of its file as read."""

    code: str
    decimal: str
    thousands: str
    months: tuple[str, ...]
    scales: Mapping[str, int]
    number_words: Mapping[str, int]
    hedges: Mapping[str, str]
    units: Mapping[str, str]
    ratios: Mapping[str, float]
    superlatives: tuple[str, ...]
    likelihood: Mapping[str, tuple[float, float]]
    not_likelihood: tuple[str, ...]
    confidence: Mapping[str, str]
    labels: Mapping[str, str]
    reading: Mapping[str, Any]
    words: Mapping[str, Any]

    def day(self, when: date) -> str:
        """A date as this language writes it: `22 April 2026`."""
        return str(self.words["date"]).format(day=when.day, month=self.months[when.month - 1], year=when.year)

    def count(self, value: Decimal | int | float) -> str:
        """A number with this language's separators, at most one decimal: `28.8`, `25,000`."""
        whole = f"{Decimal(str(value)).normalize():,f}"
        return whole.replace(",", "\0").replace(".", self.decimal).replace("\0", self.thousands)

    def hedge_class(self, word: str) -> str:
        """What a hedge claims (`over`, `nearly`, `approximately`, `at least`, `fewer than`, `up to`); '' for none."""
        return self.hedges.get(word, "") or self.hedges.get(word.lower(), "")

    def term_for(self, percent: float) -> str:
        """The likelihood term (ICD 203 row) that holds a probability in percent; bounds go to the weaker claim."""
        terms = list(self.likelihood.items())
        for term, (_, high) in terms:
            if percent <= high:
                return term
        return terms[-1][0]


def known_languages() -> list[str]:
    """Codes of the languages that ship."""
    return sorted(path.stem for path in _HERE.glob("*.toml"))


@lru_cache(maxsize=8)
def language(code: str) -> Language:
    """A language by its code (`en-GB`, `en-US`, `de`). UsageError for one that does not ship."""
    if code not in known_languages():
        raise UsageError("--lang", f"no such language: {code[:20]}", f"one of {', '.join(known_languages())}")
    read = _read(code)
    likelihood = dict(read["likelihood"])
    not_terms = tuple(likelihood.pop("not_terms"))
    return Language(
        code, read["decimal"], read["thousands"], tuple(read["months"]), read["scales"], read["number_words"],
        read["hedges"], read["units"], read["ratios"], tuple(read["superlatives"]["words"]),
        {term: (float(low), float(high)) for term, (low, high) in likelihood.items()}, not_terms,
        read["confidence"], read["labels"], read["reading"], read,
    )  # fmt: skip


def _read(code: str) -> dict[str, Any]:
    read = tomllib.loads((_HERE / f"{code}.toml").read_text("utf-8"))
    like = read.pop("like", None)
    return _over(_read(like), read) if like else read


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    out = dict(below)
    for key, value in above.items():
        out[key] = _over(out[key], value) if isinstance(value, Mapping) and isinstance(out.get(key), Mapping) else value
    return out
