"""When to sweep: every so often by a clock that never jumps, sooner when much has come, never twice at once."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stillwatch.errors import UsageError

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
LEAST_S = 10.0
LONGEST_S = 366 * 86400.0


def seconds_of(text: str) -> float:
    """`90s`, `15m`, `24h`, `7d` in seconds; UsageError for anything else, and below ten seconds."""
    found = re.fullmatch(r"(\d{1,7}(?:\.\d{1,3})?)([smhd])", text.strip().lower())
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if not LEAST_S <= seconds <= LONGEST_S:
        raise UsageError("--every", f"{text[:20]!r} is no time from 10s to 366d", "such as 15m, 24h or 7d")
    return seconds


@dataclass(frozen=True)
class Rhythm:
    """`every_s` seconds from one sweep's beginning to the next's; `after` exchanges bring it forward (0: never)."""

    every_s: float = 86400.0
    after: int = 0


class Schedule:
    """When the next sweep is due. All times are of `time.monotonic`."""

    def __init__(self, rhythm: Rhythm, now: float, last_s_ago: float | None) -> None:
        """`last_s_ago`: age of the findings that are there already; None where there are none."""
        self._rhythm = rhythm
        self._due: float | None = None
        if last_s_ago is not None:
            self._due = now + rhythm.every_s - min(max(last_s_ago, 0.0), rhythm.every_s)
        self._rested = now
        self._first = now + rhythm.every_s

    def due(self, now: float, new: int, caught_up: bool) -> bool:
        """Whether to sweep now. The first sweep of a home waits until what was there already is read."""
        if self._due is None:
            return caught_up or now >= self._first
        return now >= self._due or bool(0 < self._rhythm.after <= new and now >= self._rested)

    def began(self, now: float) -> None:
        """A sweep begins."""
        self._due = now + self._rhythm.every_s

    def ended(self, now: float, took_s: float) -> None:
        """A sweep has ended: one that comes early leaves as long a pause as the last one took."""
        self._rested = now + took_s
