"""DIR/indicators.sqlite: what other providers told us, what we told them, and what came back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from stillwatch.errors import UsageError
from stillwatch.store.formats import bring_up, cannot_open
from stillwatch.store.sqlite_file import all_or_nothing, connected

FILE_NAME = "indicators.sqlite"
FORMAT = "1"
#: Kinds of public fingerprints, as columns of the stored tables name them.
KINDS = ("opening", "closing", "shingle")
#: Before a token's kind, where accounts hold one: then the value is the account's number in the store.
TOKEN = "token "
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS indicators(
    source TEXT, indicator TEXT, campaign TEXT, kind TEXT, modified TEXT, confidence REAL, grade TEXT, tlp TEXT,
    from_at REAL, until_at REAL, state TEXT, touched INTEGER, customers INTEGER, taken_at REAL, decided_by TEXT,
    decided_at REAL, reason TEXT, PRIMARY KEY(source, indicator)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS marks(source TEXT, indicator TEXT, kind TEXT, value INTEGER,
    PRIMARY KEY(source, indicator, kind, value)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS token_sets(source TEXT, indicator TEXT, evaluator TEXT, suite TEXT, key_id TEXT,
    epoch INTEGER, ends_at REAL, matched_at REAL, PRIMARY KEY(source, indicator)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tokens(source TEXT, indicator TEXT, kind TEXT, value TEXT,
    PRIMARY KEY(source, indicator, value)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS token_holders(source TEXT, indicator TEXT, account INTEGER, kind TEXT, n INTEGER,
    PRIMARY KEY(source, indicator, account, kind)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS quarantine(at REAL, source TEXT, reason TEXT, n INTEGER);
CREATE TABLE IF NOT EXISTS sightings(source TEXT, sighting TEXT, of_id TEXT, low INTEGER, high INTEGER, first_at REAL,
    last_at REAL, taken_at REAL, PRIMARY KEY(source, sighting)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS given(stix_id TEXT PRIMARY KEY, campaign_id TEXT, at REAL);
CREATE TABLE IF NOT EXISTS aliases(campaign_id TEXT PRIMARY KEY, alias TEXT UNIQUE);
"""


class Indicators:
    """One connection. Changes go through `act`; of our customers only numbers of the store's own stand in the file."""

    def __init__(self, home: Path) -> None:
        home = Path(home)
        if not (home / "secret.key").is_file():
            raise UsageError(
                str(home), "there is no store here", "sweep some logs first: stillwatch sweep LOGS --home DIR"
            )
        path = home / FILE_NAME
        try:
            self.db = connected(path)
            bring_up(self.db, path, schema=_SCHEMA, current=FORMAT)
        except sqlite3.DatabaseError as error:
            raise cannot_open(path, error, "cannot be read as indicators") from error

    @contextmanager
    def act(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, on disk when it returns."""
        with all_or_nothing(self.db, FILE_NAME) as db:
            yield db

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Rows of a query as dictionaries; `sql` is ours, values are bound."""
        return [dict(row) for row in self.db.execute(sql, tuple(values))]

    def marks_of(self, indicators: Iterable[Mapping[str, Any]]) -> list[tuple[tuple[str, int], ...]]:
        """The marks of each of these indicators (`source`, `indicator`): (kind, unsigned 64-bit value)."""
        sql = "SELECT kind, value FROM marks WHERE source = ? AND indicator = ?"
        return [
            tuple((m["kind"], m["value"] & 0xFFFFFFFFFFFFFFFF) for m in self.rows(sql, (i["source"], i["indicator"])))
            for i in indicators
        ]

    def close(self) -> None:
        """Closes the connection."""
        self.db.close()


MARKS = pa.schema(
    [("campaign", pa.int32()), ("kind", pa.string()), ("value", pa.int64()), ("confidence", pa.float64())]
)
"""Foreign marks in a window: a number for each (source, campaign), the mark, how sure its source is (0..1).

A kind that begins with `TOKEN` is one token that an account of ours holds; its value is that account's number.
"""


def active_marks(home: Path, now: float) -> pa.Table:
    """The marks of indicators that hold at `now` (seconds since 1970), in MARKS; empty where none were taken in."""
    if not (Path(home) / FILE_NAME).is_file():
        return MARKS.empty_table()
    kept = Indicators(home)
    try:
        rows = kept.rows(
            "SELECT i.source, i.campaign, m.kind, m.value, MAX(i.confidence) AS confidence FROM indicators i "
            "JOIN marks m ON m.source = i.source AND m.indicator = i.indicator "
            "WHERE i.state = 'active' AND i.from_at <= ? AND i.until_at > ? "
            "GROUP BY i.source, i.campaign, m.kind, m.value ORDER BY i.source, i.campaign, m.kind, m.value",
            (now, now),
        )
        held = kept.rows(
            "SELECT i.source, i.campaign, h.kind, h.account, MAX(h.n) AS n, MAX(i.confidence) AS confidence "
            "FROM indicators i JOIN token_holders h ON h.source = i.source AND h.indicator = i.indicator "
            "WHERE i.state = 'active' AND i.from_at <= ? AND i.until_at > ? "
            "GROUP BY i.source, i.campaign, h.kind, h.account ORDER BY i.source, i.campaign, h.kind, h.account",
            (now, now),
        )
        rows += [row | {"kind": TOKEN + row["kind"], "value": row["account"]} for row in held for _ in range(row["n"])]
    finally:
        kept.close()
    numbers: dict[tuple[str, str], int] = {}
    for row in rows:
        numbers.setdefault((row["source"], row["campaign"]), len(numbers))
    columns = {
        "campaign": [numbers[row["source"], row["campaign"]] for row in rows],
        **{name: [row[name] for row in rows] for name in ("kind", "value", "confidence")},
    }
    return pa.table(columns, schema=MARKS)
