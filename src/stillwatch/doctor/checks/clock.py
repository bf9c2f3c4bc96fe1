"""Times that cannot be: exchanges in the future or of 1970, days without any, and a clock that went back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.campaigns.track import read_sweeps
from stillwatch.doctor.patient import Ailment, Patient

_FIRST = datetime(2018, 1, 1, tzinfo=UTC)
_AHEAD_S = 3600.0
_SHOWN = 5


def look(patient: Patient) -> Iterator[Ailment]:
    """`started_at` of every part, by day; and the latest sweep against this machine's clock."""
    days = by_day(patient)
    today = datetime.fromtimestamp(patient.now + _AHEAD_S, UTC).date()
    ahead = sum(n for day, n in days.items() if day > today)
    ancient = sum(n for day, n in days.items() if day < _FIRST.date())
    for count, words in ((ahead, "in the future"), (ancient, f"before {_FIRST:%Y}, when no such service was")):
        if count:
            yield Ailment("warning", "clock", f"{count:,} exchanges lie {words}",
                          "look at the logs' time zone and unit; narrow a sweep with --since and --until")  # fmt: skip
    likely = sorted(day for day in days if _FIRST.date() <= day <= today)
    gaps = [(a, b) for a, b in pairwise(likely) if (b - a).days > 1]
    if gaps:
        empty = sum((b - a).days - 1 for a, b in gaps)
        told = ", ".join(_span(a + timedelta(1), b - timedelta(1)) for a, b in gaps[-_SHOWN:])
        what = f"{empty:,} days lie without any exchange: {told}{', and earlier ones' if gaps[_SHOWN:] else ''}"
        yield Ailment("warning" if empty < 0.5 * len(likely) else "note", "days", what,
                      "sweep the logs of those days, if there are any")  # fmt: skip
    swept = [sweep["at"] for sweep in read_sweeps(patient.home / "history" / "sweeps.jsonl")]
    now = datetime.fromtimestamp(patient.now + _AHEAD_S, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if swept and swept[-1] > now:
        yield Ailment("warning", "clock", f"the latest sweep is of {swept[-1][:20]}, after this machine's clock",
                      "set the clock; decisions expire by it")  # fmt: skip


def by_day(patient: Patient) -> Counter[date]:
    """Stored exchanges by day (UTC)."""
    days: Counter[date] = Counter()
    for kind, name, *_ in patient.parts:
        if kind != "exchanges":
            continue
        try:
            column = pq.read_table(patient.home / kind / name, columns=["started_at"], partitioning=None).column(0)
        except (OSError, pa.ArrowException):
            continue  # `parts` says so
        for entry in pc.value_counts(pc.cast(column, pa.date32(), safe=False)).to_pylist():
            if entry["values"] is not None:
                days[entry["values"]] += entry["counts"]
    return days


def _span(first: date, last: date) -> str:
    return f"{first}" if first == last else f"{first} to {last}"
