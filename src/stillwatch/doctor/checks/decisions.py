"""Do decisions and indicators still hold: what ran out, what runs out before anybody looks again?"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from stillwatch.campaigns.track import read_sweeps
from stillwatch.decide.record import FILE_NAME
from stillwatch.doctor.patient import Ailment, Patient
from stillwatch.store import indicators

_HOUR = 3600.0


def look(patient: Patient) -> Iterator[Ailment]:
    """Decisions by their expiry, against the latest sweep; indicators of others by theirs."""
    yield from _decisions(patient)
    yield from _indicators(patient)


def _decisions(patient: Patient) -> Iterator[Ailment]:
    live = "SELECT count(*) FROM decisions WHERE state IN ('proposed', 'active')"
    over = _count(patient, FILE_NAME, f"{live} AND expires_at <= ?", patient.now)
    if over:
        what = f"{over:,} ran out and are not marked so: no service runs, and nobody decided since"
        yield Ailment("note", "decisions", what, f"stillwatch decide{patient.option()}")
    soon = patient.now + 24 * _HOUR
    ending = _count(
        patient, FILE_NAME,
        "SELECT count(*) FROM decisions WHERE state='active' AND mode='enforce' AND action <> 'allow' "
        "AND expires_at > ? AND expires_at <= ?", patient.now, soon,
    )  # fmt: skip
    swept = _last_sweep(patient)
    if ending and (swept is None or patient.now - swept > 24 * _HOUR):
        what = f"{ending:,} that are enforced end within a day, and no sweep of the last day renews them"
        yield Ailment("warning", "decisions", what, "sweep and decide every day, or they lapse")
    waiting = _count(
        patient, FILE_NAME, "SELECT count(*) FROM decisions WHERE state='proposed' AND mode='enforce' AND "
        "expires_at > ?", patient.now,
    )  # fmt: skip
    if waiting:
        yield Ailment("note", "decisions", f"{waiting:,} wait for a person", f"stillwatch decisions{patient.option()}")


def _indicators(patient: Patient) -> Iterator[Ailment]:
    where = "SELECT count(*) FROM indicators WHERE state='active'"
    active = _count(patient, indicators.FILE_NAME, where)
    over = _count(patient, indicators.FILE_NAME, f"{where} AND until_at <= ?", patient.now)
    if over:
        severity = "warning" if over == active else "note"
        what = f"{over:,} of {active:,} of other providers ran out and find nothing any more"
        yield Ailment(severity, "indicators", what, "ask for newer ones: stillwatch taxii --help")
    held = _count(patient, indicators.FILE_NAME, "SELECT count(*) FROM indicators WHERE state='held'")
    if held:
        yield Ailment("note", "indicators", f"{held:,} wait for a person", "stillwatch share --help")


def _last_sweep(patient: Patient) -> float | None:
    sweeps = read_sweeps(patient.home / "history" / "sweeps.jsonl")
    try:
        return datetime.fromisoformat(sweeps[-1]["at"]).timestamp() if sweeps else None
    except ValueError:
        return None


def _count(patient: Patient, file: str, sql: str, *values: Any) -> int:
    db = patient.databases.get(file)
    if db is None:
        return 0
    try:
        return int(db.execute(sql, values).fetchone()[0])
    except sqlite3.Error:
        return 0  # `databases` says so
