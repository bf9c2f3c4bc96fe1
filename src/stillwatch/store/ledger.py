"""The ledger: which parts count, how far each input was read, who is who. SQLite, one transaction a chunk."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from stillwatch.arrow_types import arrow_schema
from stillwatch.records.tables import KEPT_ACCOUNT, RELEASE
from stillwatch.store.formats import Step, bring_up, cannot_open
from stillwatch.store.sqlite_file import all_or_nothing

FORMAT = "1"
STEPS: tuple[Step, ...] = ()
"""From each older format to the next; see `store/formats.py`."""
TIME = pa.timestamp("us", tz="UTC")
_ACCOUNT_COLUMNS = [column.name for column in KEPT_ACCOUNT]
_SQL_TYPE = {"int64": "INTEGER", "timestamp": "INTEGER", "string": "TEXT"}
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS runs(id INTEGER PRIMARY KEY, state TEXT, counts TEXT, before TEXT, quarantine INTEGER,
    accounts_before INTEGER);
CREATE TABLE IF NOT EXISTS parts(kind TEXT, name TEXT, rows INTEGER, bytes INTEGER, min_at INTEGER, max_at INTEGER,
    run INTEGER, missing TEXT, PRIMARY KEY(kind, name));
CREATE TABLE IF NOT EXISTS inputs(path TEXT PRIMARY KEY, position TEXT);
CREATE TABLE IF NOT EXISTS accounts_seen(number INTEGER PRIMARY KEY, account_id TEXT UNIQUE);
CREATE TABLE IF NOT EXISTS account_records(read_at INTEGER, latest INTEGER,
    {", ".join(f"{c.name} {_SQL_TYPE[c.type]}" for c in KEPT_ACCOUNT)});
CREATE INDEX IF NOT EXISTS account_records_latest ON account_records(account_id, latest);
CREATE TABLE IF NOT EXISTS status_changes(account_id TEXT, status TEXT, at INTEGER,
    PRIMARY KEY(account_id, status, at));
CREATE TABLE IF NOT EXISTS releases(model TEXT, released_at INTEGER, read_at INTEGER, latest INTEGER);
"""


class Ledger:
    """One connection to DIR/ledger.sqlite. Everything that changes it goes through `transaction`."""

    def __init__(self, path: Path) -> None:
        try:
            self.db = sqlite3.connect(path, isolation_level=None, timeout=30.0, check_same_thread=False)
            self._open()
            self.db.execute("PRAGMA synchronous=FULL")
            bring_up(self.db, path, schema=_SCHEMA, current=FORMAT, steps=STEPS, alone=True)
        except sqlite3.DatabaseError as error:
            raise cannot_open(path, error, "the ledger cannot be read") from error

    def _open(self) -> None:
        """Of two that open a new ledger at once SQLite lets neither wait for the other's change of the journal."""
        for left in range(100, -1, -1):
            try:
                self.db.execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or not left:
                    raise
                time.sleep(0.1)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, on disk when it returns."""
        with all_or_nothing(self.db, "ledger.sqlite") as db:
            yield db

    def version(self) -> int:
        """Another number whenever another connection has changed the ledger; our own changes leave it."""
        return int(self.db.execute("PRAGMA data_version").fetchone()[0])

    def parts(self, kind: str, since: int | None = None, until: int | None = None) -> list[str]:
        """Names of the registered parts of a kind that may hold rows from `since` to before `until` (µs)."""
        rows = self.db.execute(
            "SELECT name FROM parts WHERE kind=? AND (? IS NULL OR max_at>=?) AND (? IS NULL OR min_at<?) "
            "ORDER BY name",
            (kind, since, since, until, until),
        )
        return [name for (name,) in rows]

    def part_rows(self, kind: str) -> dict[str, int]:
        """Name to rows of every part of a kind."""
        return dict(self.db.execute("SELECT name, rows FROM parts WHERE kind=? ORDER BY name", (kind,)).fetchall())

    def positions(self) -> dict[str, dict[str, Any]]:
        """Path to how far it was read."""
        return {path: json.loads(text) for path, text in self.db.execute("SELECT path, position FROM inputs")}

    def runs(self) -> list[dict[str, Any]]:
        """Counts of every run whose rows are kept."""
        rows = self.db.execute("SELECT counts FROM runs WHERE state IN ('open', 'done') ORDER BY id")
        return [json.loads(text) for (text,) in rows]

    def last_written_at(self) -> int:
        """When a run last ended here, by the clock of then (µs since 1970); 0 before the first."""
        row = self.db.execute("SELECT value FROM meta WHERE name='last_written_at'").fetchone()
        return int(row[0]) if row else 0

    def missing(self) -> dict[str, int]:
        """Contract column to the stored rows that lack it."""
        out: dict[str, int] = {}
        for (text,) in self.db.execute("SELECT missing FROM parts WHERE kind='exchanges' AND missing IS NOT NULL"):
            for name, count in json.loads(text).items():
                out[name] = out.get(name, 0) + count
        return out

    def account_ids(self) -> pa.Table:
        """`account` int32, `account_id`."""
        rows = self.db.execute("SELECT number, account_id FROM accounts_seen ORDER BY number").fetchall()
        return _rows_table(rows, pa.schema([("account", pa.int32()), ("account_id", pa.string())]))

    def accounts(self) -> pa.Table:
        """The latest record of each account, in KEPT_ACCOUNT."""
        columns = ", ".join(_ACCOUNT_COLUMNS)
        rows = self.db.execute(f"SELECT {columns} FROM account_records WHERE latest=1 ORDER BY account_id")  # noqa: S608
        return _rows_table(rows.fetchall(), arrow_schema(KEPT_ACCOUNT))

    def status_changes(self) -> pa.Table:
        """`account_id`, `status`, `at`."""
        schema = pa.schema([("account_id", pa.string()), ("status", pa.string()), ("at", TIME)])
        rows = self.db.execute("SELECT account_id, status, at FROM status_changes ORDER BY at, account_id")
        return _rows_table(rows.fetchall(), schema)

    def releases(self) -> pa.Table:
        """RELEASE, the latest reading of each model."""
        rows = self.db.execute("SELECT model, released_at FROM releases WHERE latest=1 ORDER BY released_at, model")
        return _rows_table(rows.fetchall(), arrow_schema(RELEASE))

    def update_accounts(self, table: pa.Table, given: Sequence[frozenset[str]], at: int) -> int:
        """Takes new records in; what is not `given` of an account stays as it was. Returns how many changed.

        A change of status that is not dated has the date of its reading, never that of the status before it.
        """
        held = {row[0]: row for row in self.db.execute(
            f"SELECT {', '.join(_ACCOUNT_COLUMNS)} FROM account_records WHERE latest=1")}  # noqa: S608  # fmt: skip
        status, since = _ACCOUNT_COLUMNS.index("status"), _ACCOUNT_COLUMNS.index("status_changed_at")
        changed: list[tuple[Any, ...]] = []
        moves: list[tuple[Any, ...]] = []
        columns = [_plain(table.column(name)) for name in _ACCOUNT_COLUMNS]
        for row, new in enumerate(zip(*columns, strict=True)):
            old = held.get(new[0])
            if old is not None:
                dated = new[since] if "status_changed_at" in given[row] else None
                new = tuple(
                    n if name in given[row] else o for name, n, o in zip(_ACCOUNT_COLUMNS, new, old, strict=True)
                )
                if dated is None:
                    same, undated = new[status] == old[status], None if old[status] is None else at
                    new = (*new[:since], old[since] if same else undated, *new[since + 1 :])
            if new == old:
                continue
            changed.append((at, *new))
            if new[status] is not None:
                before = old[status] if old is not None else None
                when = new[since] if new[since] is not None else at if before not in (None, new[status]) else None
                if when is not None and (old is None or before != new[status] or old[since] != new[since]):
                    moves.append((new[0], new[status], when))
        with self.transaction() as db:
            old_ones = [(row[1],) for row in changed]
            db.executemany("UPDATE account_records SET latest=0 WHERE account_id=? AND latest=1", old_ones)
            marks = ", ".join("?" * len(_ACCOUNT_COLUMNS))
            db.executemany(f"INSERT INTO account_records VALUES(?, 1, {marks})", changed)
            db.executemany("INSERT OR IGNORE INTO status_changes VALUES(?, ?, ?)", moves)
        return len(changed)

    def update_releases(self, table: pa.Table, at: int) -> int:
        """Takes model releases in; returns how many are new or changed."""
        held = dict(self.db.execute("SELECT model, released_at FROM releases WHERE latest=1").fetchall())
        rows = zip(table.column("model").to_pylist(), _plain(table.column("released_at")), strict=True)
        changed = [(model, when) for model, when in rows if held.get(model, "none") != when]
        with self.transaction() as db:
            db.executemany("UPDATE releases SET latest=0 WHERE model=?", [(model,) for model, _ in changed])
            db.executemany("INSERT INTO releases VALUES(?, ?, ?, 1)", [(*row, at) for row in changed])
        return len(changed)


def _plain(column: Any) -> list[Any]:
    return (column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column).to_pylist()  # type: ignore[no-any-return]


def _rows_table(rows: list[Any], schema: pa.Schema) -> pa.Table:
    columns: list[Any] = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = []
    for values, field in zip(columns, schema, strict=True):
        kind = pa.int64() if pa.types.is_timestamp(field.type) else field.type
        arrays.append(pa.array(values, type=kind).cast(field.type))
    return pa.table(arrays, schema=schema)
