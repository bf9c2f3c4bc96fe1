"""Writes a decision's row, its accounts and its end, each into the stream that gateways follow; inside an act."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stillwatch.decide.record import Record


def insert(record: Record, values: Mapping[str, Any], members: Sequence[str], now: float) -> None:
    """A row of decisions with its accounts."""
    names = list(values)
    record.db.execute(
        f"INSERT INTO decisions({', '.join(names)}) VALUES({', '.join(':' + n for n in names)})",
        dict(values),
    )
    decision_id = values["decision_id"]
    record.db.executemany("INSERT OR IGNORE INTO members VALUES(?, ?)", [(decision_id, a) for a in members])
    record.changed(decision_id, now)


def end(record: Record, decision_id: str, state: str, by: str, why: str, now: float) -> None:
    """Ends a decision: `lifted`, `refused` or `replaced`."""
    record.db.execute(
        "UPDATE decisions SET state=?, ended_at=?, ended_by=?, ended_why=? WHERE decision_id=?",
        (state, now, by, why[:2000], decision_id),
    )
    record.changed(decision_id, now)
