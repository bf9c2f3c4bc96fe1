"""Text from logs made harmless for a terminal or a page, and numbers written for people."""

from __future__ import annotations

import math
import shlex
import unicodedata
from datetime import UTC, datetime
from typing import Any

from stillwatch.records.score import score_text as score_text

#: Unicode categories that can move a cursor, turn the direction of a line, or hide in it.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_MARKS = frozenset({"Mn", "Me"})


def clean(value: object, limit: int = 300) -> str:
    """`value` as one line of at most `limit` characters, without control, format or direction characters.

    More than two combining marks on one letter are dropped too: a pile of them covers neighbouring lines.
    """
    text = "" if value is None else str(value)
    cut = len(text) > limit
    if text.isascii() and text.isprintable():
        return text[: limit - 1] + "…" if cut else text
    out: list[str] = []
    marks = 0
    for letter in text[: limit if not cut else limit - 1]:
        category = unicodedata.category(letter)
        if category in _MARKS:
            marks += 1
            if marks > 2:
                continue
        else:
            marks = 0
        if category in _UNSAFE:
            out.append(" " if letter in "\n\r\t" else "\ufffd")
        else:
            out.append(letter)
    return "".join(out) + ("…" if cut else "")


def quoted(value: object, limit: int = 60) -> str:
    """`value` cleaned and quoted, so that pasting it into a shell runs nothing but the command it stands in."""
    return shlex.quote(clean(value, limit))


def number(value: float | int | None) -> str:
    """A count with thousands separators, or "unknown"."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "unknown"
    return f"{value:,.0f}"


def compact(value: float) -> str:
    """A count in at most five characters: 950, 12k, 3.4M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size * 0.9995:
            shown = value / size
            return f"{shown:.0f}{letter}" if shown >= 99.95 else f"{shown:.1f}".removesuffix(".0") + letter
    return f"{value:.0f}"


def count_of(n: float | None, noun: str, plural: str = "") -> str:
    """`1 account`, `2,500 accounts`."""
    return f"{number(n)} {noun if n == 1 else plural or noun + 's'}"


def bits_text(value: float | None) -> str:
    """A weight with its sign: `+2.3 bits`."""
    return "unknown" if value is None or not math.isfinite(value) else f"{value:+.1f} bits"


def odds_text(bits: float | None, yes: str = "if it harvests", no: str = "if it does not") -> str:
    """What a weight means: `5 times likelier if it harvests`, or the reverse."""
    if bits is None or not math.isfinite(bits) or abs(bits) < 0.14:
        return "hardly moves the balance"
    times = 2.0 ** min(abs(bits), 40.0)
    shown = f"{times:.1f}" if times < 9.95 else f"{times:,.0f}"
    return f"{shown} times likelier {yes if bits > 0 else no}"


def p_text(value: float | None) -> str:
    """A p-value that says its floor: `p < 0.0001`, or "no p-value"."""
    if value is None or not math.isfinite(value):
        return "no p-value"
    return "p\u00a0<\u00a00.0001" if value < 0.0001 else f"p\u00a0=\u00a0{value:.2g}"


def percent_text(share: float) -> str:
    """A share of 0..1 in percent: `20 %`, `2.5 %`."""
    return f"{100.0 * share:.3g} %"


def rate_text(value: float | None) -> str:
    """A false-alarm rate in words: `about 1 in 2,000`."""
    if value is None or not math.isfinite(value):
        return "unknown"
    if value <= 0:
        return "none of those compared"
    if value >= 0.5:
        return f"{min(value, 1.0):.0%}"
    return f"about 1 in {number(round(1.0 / value))}"


def when(value: Any, *, clock: bool = True) -> str:
    """A UTC time to the minute, or its day; "unknown" for null."""
    if not isinstance(value, datetime):
        return "unknown"
    moment = value.astimezone(UTC) if value.tzinfo else value
    return moment.strftime("%Y-%m-%d %H:%M UTC" if clock else "%Y-%m-%d")


def span(first: Any, last: Any) -> str:
    """`from 2026-01-01 to 2026-01-10 (10 days)`."""
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        return "at an unknown time"
    if first.date() == last.date():
        return f"on {when(first, clock=False)}"
    days = (last.date() - first.date()).days + 1
    return f"from {when(first, clock=False)} to {when(last, clock=False)} ({days} days)"
