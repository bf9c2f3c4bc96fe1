"""What is too old goes, by the day; and many small parts become few. Only under the home's lock."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.store.home import Store
from stillwatch.store.parts import KINDS, SPAN, Part, read_part, write_part
from stillwatch.store.writing import SMALL_ROWS, merge_small, sweep_up

_DAY = timedelta(days=1)
_DAY_US = 86_400_000_000


def newest(store: Store) -> datetime | None:
    """When the latest stored exchange began, as far as parts tell; a part from the future tells nothing. UTC.

    The machine's clock alone must not decide what is old: one that jumps ahead would throw everything away.
    """
    ahead = int((datetime.now(UTC) + _DAY).timestamp() * 1e6)
    row = store.ledger.db.execute(
        "SELECT max(CASE WHEN max_at<=? THEN max_at ELSE min_at END) FROM parts WHERE kind='exchanges' AND min_at<=?",
        (ahead, ahead),
    ).fetchone()
    return None if row[0] is None else datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=row[0])


def retire(store: Store, days: float) -> dict[str, int]:
    """Removes what began more than `days` before the latest exchange, whole UTC days at a time; rows by kind.

    A fingerprint or quoted turn goes when its last sight is too old. Quarantine files go by their date.
    """
    removed = dict.fromkeys((*KINDS, "quarantine_files"), 0)
    latest = newest(store)
    if days <= 0 or latest is None:
        return removed
    first = datetime.combine((latest - timedelta(days=days)).date(), datetime.min.time(), UTC)
    cut = int(first.timestamp() * 1e6)
    sweep_up(store)
    for kind in KINDS:
        old = store.ledger.db.execute("SELECT name, rows FROM parts WHERE kind=? AND max_at<?", (kind, cut)).fetchall()
        with store.ledger.transaction() as db:
            db.executemany("DELETE FROM parts WHERE kind=? AND name=?", [(kind, name) for name, _ in old])
        for name, rows in old:
            (store.home / kind / name).unlink(missing_ok=True)
            removed[kind] += rows
        for name, run, missing in store.ledger.db.execute(
            "SELECT name, run, missing FROM parts WHERE kind=? AND min_at<?", (kind, cut)
        ).fetchall():
            removed[kind] += _cut(store, kind, name, run, json.loads(missing or "{}"), cut)
    for file in (store.home / "quarantine").glob("run-*.jsonl"):
        if datetime.fromtimestamp(file.stat().st_mtime, UTC) < min(datetime.now(UTC), latest) - timedelta(days=days):
            file.unlink(missing_ok=True)
            removed["quarantine_files"] += 1
    return removed


def compact(store: Store) -> dict[str, int]:
    """Joins small parts, gives the ledger's free pages back; files joined, by kind."""
    sweep_up(store)
    (run,) = store.ledger.db.execute("SELECT coalesce(max(id), 0) FROM runs").fetchone()
    joined = {kind: merge_small(store, kind, run, most=1) for kind in KINDS}
    store.ledger.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.ledger.db.execute("VACUUM")
    return joined


def _free_name(store: Store, kind: str, stem: str) -> str:
    again = 0
    while (store.home / kind / f"{stem}.{again}.parquet").exists():
        again += 1
    return f"{stem}.{again}.parquet"


def _cut(store: Store, kind: str, name: str, run: int, missing: dict[str, int], cut: int) -> int:
    """Rows of a part that are too old go. What stays of a large part is laid down by the day, so that each row of
    it is moved once, not every day again. In one step for whoever reads the ledger."""
    table = read_part(store.home, kind, name)
    at = table.column(SPAN[kind][1]).cast(pa.int64())
    kept, at = table.filter(pc.greater_equal(at, cut)), at.filter(pc.greater_equal(at, cut))
    pieces: dict[str, pa.Table] = {"rest": kept}
    if kept.num_rows > SMALL_ROWS:
        day = pc.divide(at, _DAY_US)
        pieces = {str(d): kept.filter(pc.equal(day, d)) for d in sorted(pc.unique(day).to_pylist())}
    parts: list[Part] = []
    for label, piece in pieces.items():
        if piece.num_rows:
            parts.append(write_part(store.home, kind, _free_name(store, kind, f"{name[:13]}.{label}"), piece))
    with store.ledger.transaction() as db:
        db.execute("DELETE FROM parts WHERE kind=? AND name=?", (kind, name))
        for part in parts:
            share = part.rows / max(table.num_rows, 1)
            told = json.dumps({c: min(round(n * share), part.rows) for c, n in missing.items()})
            row: tuple[Any, ...] = (*part, run, told if kind == "exchanges" else None)
            db.execute("INSERT INTO parts VALUES(?, ?, ?, ?, ?, ?, ?, ?)", row)
    (store.home / kind / name).unlink(missing_ok=True)
    return int(table.num_rows - kept.num_rows)
