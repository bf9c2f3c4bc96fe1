"""The price of looking again and again: what a campaign that is new must show beyond its score, sweep after sweep."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from stillwatch.store.window import Window


@dataclass(frozen=True)
class Look:
    """One sweep of a home: `rows` in its window, `last_us` the latest of them, `fresh` rows that no look before saw."""

    rows: int
    last_us: int
    fresh: int


def read_looks(path: Path) -> list[Look]:
    """The looks of earlier sweeps; an unreadable file is set aside, since a memory must not stop a sweep."""
    if not path.exists():
        return []
    try:
        return [Look(**{k: int(v) for k, v in row.items()}) for row in json.loads(path.read_text("utf-8"))]
    except (ValueError, TypeError, AttributeError):
        path.replace(path.with_suffix(".unreadable"))
        return []


def write_looks(path: Path, looks: Sequence[Look]) -> None:
    """Writes the looks whole, then puts them in place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps([asdict(look) for look in looks]), "utf-8")
    fresh.replace(path)


def look_at(window: Window, looks: Sequence[Look]) -> Look:
    """This sweep's look. Fresh are exchanges that began after every earlier look's latest, and late arrivals."""
    t = window.exchanges
    latest = max((look.last_us for look in looks), default=None)
    sums = {"rows": t.count(), "last": t.started_at.max()}
    if latest is not None:
        sums["after"] = (t.started_at > datetime.fromtimestamp(latest / 1e6, UTC)).sum()
    row = t.aggregate(**sums).to_pyarrow().to_pylist()[0]
    rows = int(row["rows"] or 0)
    last = int(row["last"].timestamp() * 1e6) if row["last"] is not None else 0
    if latest is None:
        return Look(rows, last, rows)
    grown = max(0, rows - max(look.rows for look in looks))
    return Look(rows, max(last, latest), min(rows, max(int(row["after"] or 0), grown)))


def looks_paid(looks: Sequence[Look]) -> float:
    """How many looks a series is worth beyond its first: each counts by the share of its window that is fresh.

    A window that grows from a day to a year has been looked at ln(365) times over, hourly or daily; one of thirty
    days that rolls for a year, twelve times. The same data again count nothing.
    """
    return float(sum(look.fresh / look.rows for look in looks[1:] if look.rows > 0))


def price_bits(looks: Sequence[Look]) -> float:
    """Bits by which the odds of a campaign that no earlier sweep reported are lowered at the last of `looks`.

    Alpha spending: the k-th look may spend the share 6 / (pi (k + 1))^2 of the false alarms, which sums to one over an
    endless series. Relative to the first look that costs 2 log2(1 + k) bits, so that all looks together raise no more
    than pi^2 / 6 = 1.64 times the false alarms of a single one, however they depend on each other (union bound), as
    far as looks at mostly the same rows count as one.
    Source: alpha spending, Lan and DeMets 1983 (Biometrika 70); union over a convergent series, Robbins 1970.
    """
    return float(2.0 * np.log2(1.0 + looks_paid(looks)))
