"""What came in: rows that were refused, columns that lack, sources that stopped, days without any exchange."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stillwatch.doctor.patient import Ailment, Patient
from stillwatch.errors import StillwatchError

_DAY = 86_400.0
_QUARANTINED = 0.01
_OLD_DAYS = 3.0


def look(patient: Patient) -> Iterator[Ailment]:
    """From the ledger's counts and positions, and the latest findings' own words on what was missing."""
    yield from _quarantine(patient)
    yield from _blind(patient)
    yield from _sources(patient)


def _quarantine(patient: Patient) -> Iterator[Ailment]:
    read, bad = 0, 0
    reasons: Counter[str] = Counter()
    for number, state, counts in patient.runs:
        if state == "rejected":
            what = f"run {number} was taken back: too many of its rows were malformed"
            do = f"look at quarantine/run-{number:06d}.jsonl; then --format or --map (docs/ingest.md)"
            yield Ailment("note", "quarantine", what, do)
            continue
        read += counts.get("read", 0)
        bad += counts.get("quarantined", 0)
        reasons.update(counts.get("reasons", {}))
    if not bad or not read:
        return
    worst = "; ".join(f"{reason} ({count:,})" for reason, count in reasons.most_common(4))
    what = f"{bad:,} of {read:,} rows ({bad / read:.2%}) were refused: {worst}"
    yield Ailment("warning" if bad > _QUARANTINED * read else "note", "quarantine", what,
                  "look at DIR/quarantine, mend what writes the logs, or map its fields with --map FILE")  # fmt: skip


def _blind(patient: Patient) -> Iterator[Ailment]:
    from stillwatch.report.catalogue import signs
    from stillwatch.report.findings import read_findings
    from stillwatch.report.letter import blind_lines

    try:
        found = read_findings(patient.home)
    except StillwatchError:
        return
    if lines := blind_lines(found, signs()):
        do = "log more, or give --accounts FILE; docs/contract.md has every column"
        yield Ailment("note", "columns", " ".join(lines), do)


def _sources(patient: Patient) -> Iterator[Ailment]:
    """A folder of logs from which nothing has come for long, while from another something has; or from none."""
    latest: dict[str, float] = {}
    for path, at in _positions(patient):
        touched = at.get("mtime")
        if not at.get("done", True):
            yield Ailment("note", "inputs", f"{Path(path).name} was not read to its end",
                          "the same `stillwatch sweep` again goes on where it stopped")  # fmt: skip
        if at.get("defect"):
            yield Ailment("note", "inputs", f"{Path(path).name}: {at['defect']}", "look at DIR/quarantine")
        if isinstance(touched, int):
            folder = str(Path(path).parent)
            latest[folder] = max(latest.get(folder, 0.0), touched / 1e9)
    newest = max((last for kind, *_, last in patient.parts if kind == "exchanges" and last), default=None)
    if newest is not None and patient.now - newest / 1e6 > _OLD_DAYS * _DAY:
        day = datetime.fromtimestamp(newest / 1e6, UTC)
        days = (patient.now - newest / 1e6) / _DAY
        yield Ailment("warning", "inputs", f"the latest exchange is of {day:%Y-%m-%d}, {days:,.0f} days ago",
                      "sweep newer logs, or look why none come")  # fmt: skip
    if len(latest) > 1:
        last = max(latest.values())
        for folder, moment in sorted(latest.items()):
            if last - moment > _OLD_DAYS * _DAY:
                days = (last - moment) / _DAY
                yield Ailment("warning", "inputs", f"{folder}: nothing new for {days:,.0f} days while others had some",
                              "look whether its export still runs")  # fmt: skip


def _positions(patient: Patient) -> list[tuple[str, dict[str, Any]]]:
    if patient.ledger is None:
        return []
    try:
        rows = patient.ledger.execute("SELECT path, position FROM inputs ORDER BY path").fetchall()
        return [(path, json.loads(position)) for path, position in rows]
    except (sqlite3.Error, ValueError):
        return []
