"""Every number, number word, percentage and date in a text, with the hedge before it and the unit after it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from stillwatch.disclose.language import Language

_WORDS_BETWEEN = 4
#: Words after which another thing is spoken of.
_ENDS = frozenset({"and", "und", "or", "oder", "from", "von", "of", "in", "on", "by", "to", "der", "des"})


@dataclass(frozen=True)
class Numeral:
    """One number as written: its `value`, the `hedge` before it, the `unit` after it, its `step`.

    `step` is the place of its last digit: 28.8 million has a step of 100,000.
    """

    shown: str
    value: Decimal
    step: Decimal
    hedge: str
    unit: str
    start: int
    end: int


@dataclass(frozen=True)
class Day:
    """A date as written; a missing year or day is None."""

    shown: str
    year: int | None
    month: int
    day: int | None
    start: int
    end: int

    def is_of(self, when: date) -> bool:
        """Whether the words can mean this day."""
        return when.month == self.month and self.year in (None, when.year) and self.day in (None, when.day)


def days_in(text: str, lang: Language) -> list[Day]:
    """Dates: `2026-04-22`, `22 April 2026`, `April 22, 2026`, `22 April`, `April 2026`."""
    found: list[Day] = []
    taken: list[tuple[int, int]] = []
    month_first = str(lang.words["day_month"]).startswith("{month}")
    for pattern in _day_patterns(lang.months, month_first):
        for m in pattern.finditer(text):
            if any(m.start() < end and m.end() > start for start, end in taken):
                continue
            got = m.groupdict()
            month = int(got["mm"]) if got.get("mm") else lang.months.index(got["month"]) + 1
            year, day = got.get("year"), got.get("day")
            found.append(Day(m[0], int(year) if year else None, month, int(day) if day else None, m.start(), m.end()))
            taken.append((m.start(), m.end()))
    return sorted(found, key=lambda d: d.start)


def numerals_in(text: str, lang: Language, masked: Iterable[tuple[int, int]] = ()) -> list[Numeral]:
    """Numbers outside of the masked spans. A percentage has the unit `percent` and its value in percent.

    “One” is left out: as a word it is a pronoun more often than a count.
    """
    for start, end in masked:
        text = text[:start] + "\0" * (end - start) + text[end:]
    found = []
    for m in _number_pattern(lang.code, lang).finditer(text):
        value, step = _value(m, lang)
        if value is None:
            continue
        unit = "percent" if m["percent"] else _unit(text[m.end() :], lang)
        found.append(Numeral(m[0].strip(), value, step, _hedge(text[: m.start()], lang), unit, m.start(), m.end()))
    return found


def phrase_pattern(phrases: Iterable[str]) -> re.Pattern[str]:
    """Finds any of these phrases as whole words, the longest first; none of none."""
    longest = sorted({p for p in phrases if p}, key=lambda p: (-len(p), p))
    return re.compile(rf"(?<![\w.,-])(?:{'|'.join(map(re.escape, longest)) or '(?!)'})(?!\w|[.,]\d)")


@lru_cache(maxsize=16)
def _day_patterns(months: tuple[str, ...], month_first: bool) -> tuple[re.Pattern[str], ...]:
    month = rf"(?P<month>{'|'.join(months)})"
    short = (
        re.compile(rf"\b(?P<day>\d{{1,2}})\.?\s+{month}\b"),
        re.compile(rf"\b{month}\s+(?P<day>\d{{1,2}})\b(?!\d)"),
    )
    year = re.compile(rf"\b{month}\s+(?P<year>\d{{4}})\b")
    return (
        re.compile(r"\b(?P<year>\d{4})-(?P<mm>0[1-9]|1[0-2])-(?P<day>\d{2})\b"),
        re.compile(rf"\b(?P<day>\d{{1,2}})\.?\s+{month},?\s+(?P<year>\d{{4}})\b"),
        re.compile(rf"\b{month}\s+(?P<day>\d{{1,2}}),?\s+(?P<year>\d{{4}})\b"),
        *((year, *reversed(short)) if month_first else (short[0], year, short[1])),
    )


_PATTERNS: dict[str, re.Pattern[str]] = {}


def _number_pattern(code: str, lang: Language) -> re.Pattern[str]:
    if code not in _PATTERNS:
        scales = "|".join(re.escape(s) for s in sorted(lang.scales, key=len, reverse=True))
        words = "|".join(sorted(lang.number_words, key=len, reverse=True))
        digits = rf"\d+(?:[{re.escape(lang.thousands)}\u202f\u00a0]\d{{3}})*(?:{re.escape(lang.decimal)}\d+)?"
        _PATTERNS[code] = re.compile(
            rf"(?<![\w.])(?:(?P<digits>[−-]?{digits})(?P<tail>[\w]*)|(?P<word>(?i:{words}))\b)"
            rf"(?:[\s\u00a0-]?(?P<scale>{scales})(?!\w))?(?P<percent>\s?%|\s(?i:per\s?cent|percent|prozent)\b)?"
        )
    return _PATTERNS[code]


def _value(m: re.Match[str], lang: Language) -> tuple[Decimal | None, Decimal]:
    scale = Decimal(lang.scales.get(m["scale"] or "", 1))
    if m["word"]:
        word = m["word"].lower()
        plain = {k.lower(): v for k, v in lang.number_words.items()}.get(word, 1)
        return Decimal(plain) * scale, scale
    tail = m["tail"] or ""
    if tail and tail not in lang.scales:
        digits = re.sub(r"\D", "", m["digits"])
        return Decimal(digits or 0), Decimal(1)
    scale = scale * Decimal(lang.scales.get(tail, 1))
    plain_digits = re.sub(rf"[{re.escape(lang.thousands)}\u202f\u00a0]", "", m["digits"])
    plain_digits = plain_digits.replace(lang.decimal, ".").replace("−", "-")
    try:
        number = Decimal(plain_digits)
    except InvalidOperation:
        return None, Decimal(1)
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    step = Decimal(1).scaleb(exponent) * scale
    return number * scale, step


def _hedge(before: str, lang: Language) -> str:
    before = before.rstrip(" \u00a0").lower()
    for word in sorted(lang.hedges, key=len, reverse=True):
        if re.search(rf"(?<!\w){re.escape(word.lower())}$", before):
            return word
    return ""


def _unit(after: str, lang: Language) -> str:
    """The first unit among the next few words, before any stop or further number."""
    for words, m in enumerate(re.finditer(r"[\w-]+|[.;:()\d\0,]", after), 1):
        if not re.match(r"[^\W\d_]", m[0]):
            return ""
        if m[0] in lang.units:
            return lang.units[m[0]]
        if words >= _WORDS_BETWEEN or m[0] in _ENDS:
            return ""
    return ""
