"""DIR/decisions.sqlite: decisions, approvals, verdicts, appeals, allowances, notes, what changed; a transaction an act.

The audit log lies in the same file, so that an act and its line are written together or not at all. Triggers refuse to
change or delete a line, and each holds the hash of the one before: `verify_audit` says where a chain was broken.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stillwatch.errors import UsageError
from stillwatch.store.formats import bring_up, cannot_open
from stillwatch.store.sqlite_file import all_or_nothing, connected

FILE_NAME = "decisions.sqlite"
FORMAT = "1"
LIVE = ("proposed", "active")
_START = "0" * 64
UNDONE = "verdict: wrong"
"""Why a decision ended that a verdict undid."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS decisions(
    decision_id TEXT PRIMARY KEY, key TEXT, variant TEXT, rule TEXT, policy TEXT, mode TEXT, approval INTEGER,
    state TEXT, action TEXT, scope TEXT, value TEXT, campaign_id TEXT, reason TEXT, tell TEXT, lift TEXT,
    newcomers TEXT, limits TEXT, marks TEXT, created_at REAL, expires_at REAL, hours REAL, approved_at REAL,
    approved_by TEXT, approved_members INTEGER, ended_at REAL, ended_by TEXT, ended_why TEXT, why TEXT, score REAL,
    proposed_by TEXT);
CREATE INDEX IF NOT EXISTS decisions_key ON decisions(key, state);
CREATE INDEX IF NOT EXISTS decisions_campaign ON decisions(campaign_id, state);
CREATE INDEX IF NOT EXISTS decisions_state ON decisions(state, expires_at);
CREATE INDEX IF NOT EXISTS decisions_value ON decisions(value, state);
CREATE TABLE IF NOT EXISTS members(decision_id TEXT, account_id TEXT, PRIMARY KEY(decision_id, account_id))
    WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS members_account ON members(account_id);
CREATE TABLE IF NOT EXISTS approved(decision_id TEXT, account_id TEXT, PRIMARY KEY(decision_id, account_id))
    WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS approved_account ON approved(account_id);
CREATE TABLE IF NOT EXISTS agreed(account_id TEXT PRIMARY KEY, until REAL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS changes(cursor INTEGER PRIMARY KEY AUTOINCREMENT, decision_id TEXT, at REAL);
CREATE TABLE IF NOT EXISTS verdicts(verdict_id INTEGER PRIMARY KEY, kind TEXT, subject TEXT, verdict TEXT, reason TEXT,
    by TEXT, at REAL, score REAL, price REAL, withdrawn_at REAL);
CREATE TABLE IF NOT EXISTS verdict_accounts(verdict_id INTEGER, account_id TEXT, PRIMARY KEY(verdict_id, account_id))
    WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS verdict_accounts_account ON verdict_accounts(account_id);
CREATE TABLE IF NOT EXISTS appeals(appeal_id INTEGER PRIMARY KEY, account_id TEXT, decision_id TEXT, campaign_id TEXT,
    says TEXT, at REAL, state TEXT, decided_by TEXT, decided_at REAL, reason TEXT);
CREATE INDEX IF NOT EXISTS appeals_account ON appeals(account_id, state);
CREATE TABLE IF NOT EXISTS allows(allow_id INTEGER PRIMARY KEY, decision_id TEXT, scope TEXT, value TEXT, reason TEXT,
    until REAL, by TEXT, at REAL, ended_at REAL);
CREATE TABLE IF NOT EXISTS joined(campaign_id TEXT, account_id TEXT, at REAL, gateway TEXT,
    PRIMARY KEY(campaign_id, account_id));
CREATE TABLE IF NOT EXISTS usage(decision_id TEXT, gateway TEXT, day TEXT, acted INTEGER, would INTEGER,
    PRIMARY KEY(decision_id, gateway, day));
CREATE TABLE IF NOT EXISTS tokens(token_id TEXT PRIMARY KEY, name TEXT, role TEXT, sha256 TEXT UNIQUE, created_at REAL,
    revoked_at REAL);
CREATE TABLE IF NOT EXISTS alerts(alert_id INTEGER PRIMARY KEY, at REAL, event TEXT, body TEXT);
CREATE TABLE IF NOT EXISTS audit(seq INTEGER PRIMARY KEY, at TEXT, who TEXT, role TEXT, what TEXT, subject TEXT,
    details TEXT, before TEXT, hash TEXT);
CREATE TABLE IF NOT EXISTS notes(note_id INTEGER PRIMARY KEY, kind TEXT, subject TEXT, text TEXT, by TEXT, at REAL);
CREATE INDEX IF NOT EXISTS notes_subject ON notes(kind, subject);
CREATE TRIGGER IF NOT EXISTS audit_stays BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log stays'); END;
CREATE TRIGGER IF NOT EXISTS audit_keeps BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log stays'); END;
"""


@dataclass(frozen=True)
class Who:
    """Who acts: a name for the audit log and a role (`system`, `reader`, `analyst`, `approver`, `gateway`)."""

    name: str
    role: str


SYSTEM = Who("stillwatch", "system")


class Record:
    """One connection. Changes go through `act`; readers see whole acts only. Thread-safe where `act` is not nested."""

    def __init__(self, home: Path, *, create: bool = True) -> None:
        self.home = Path(home)
        path = self.home / FILE_NAME
        if not (self.home / "secret.key").is_file():
            raise UsageError(
                str(home), "there is no store here", "sweep some logs first: stillwatch sweep LOGS --home DIR"
            )
        if not create and not path.is_file():
            raise UsageError(str(home), "holds no decisions yet", "stillwatch decide --home DIR")
        self._key = (self.home / "secret.key").read_bytes()
        try:
            self.db = connected(path)
            self.db.execute("PRAGMA synchronous=FULL")
            self.db.execute("PRAGMA secure_delete=ON")  # what was forgotten is not left in free pages
            bring_up(self.db, path, schema=_SCHEMA, current=FORMAT)
        except sqlite3.DatabaseError as error:
            raise cannot_open(path, error, "cannot be read as decisions") from error

    @contextmanager
    def act(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, on disk when it returns."""
        with all_or_nothing(self.db, FILE_NAME) as db:
            yield db

    def audit(self, who: Who, what: str, subject: str, now: float, **details: Any) -> None:
        """Adds a line to the audit log, inside `act`. Account ids go through `pseudonym` first."""
        last = self.db.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
        seq, before = (last["seq"] + 1, last["hash"]) if last else (1, _START)
        line = {"seq": seq, "at": _rfc3339(now), "who": who.name[:200], "role": who.role, "what": what,
                "subject": subject[:600], "details": json.dumps(details, sort_keys=True)[:20_000]}  # fmt: skip
        self.db.execute(
            "INSERT INTO audit VALUES(:seq, :at, :who, :role, :what, :subject, :details, :before, :hash)",
            {**line, "before": before, "hash": _hash(before, line)},
        )
        self.db.execute("INSERT OR REPLACE INTO meta VALUES('audit_head', ?)", (f"{seq}:{_hash(before, line)}",))

    def verify_audit(self) -> tuple[int, str | None]:
        """(lines that hold, what is wrong with the next one or with the end; None where nothing is)."""
        return verify_chain(self.db)

    def pseudonym(self, account_id: str) -> str:
        """A customer in the audit log: keyed (HMAC-SHA-256), so that forgetting needs no change of the log."""
        digest = hmac.new(self._key, b"audit account\0" + account_id.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return f"account-{digest.hexdigest()[:20]}"

    def changed(self, decision_id: str, now: float) -> None:
        """Puts a decision into the stream, inside `act`."""
        self.db.execute("INSERT INTO changes(decision_id, at) VALUES(?, ?)", (decision_id, now))

    def cursor(self) -> int:
        """The cursor after the latest change; 0 before the first."""
        row = self.db.execute("SELECT seq FROM sqlite_sequence WHERE name='changes'").fetchone()
        return int(row[0]) if row else 0

    def alert(self, event: str, now: float, body: Mapping[str, Any]) -> None:
        """Leaves an alert to be sent, inside `act`."""
        self.db.execute("INSERT INTO alerts(at, event, body) VALUES(?, ?, ?)", (now, event, json.dumps(body)))

    def rows(self, sql: str, values: tuple[Any, ...] = ()) -> list[dict[str, Any]]:
        """Rows of a query as dictionaries; `sql` is ours, values are bound."""
        return [dict(row) for row in self.db.execute(sql, values)]

    def close(self) -> None:
        """Closes the connection."""
        self.db.close()


def verify_chain(db: sqlite3.Connection) -> tuple[int, str | None]:
    """`Record.verify_audit` over any connection to the file, also one that may only read."""
    before, seq = _START, 0
    names = ("seq", "at", "who", "role", "what", "subject", "details")
    for row in db.execute(f"SELECT before, hash, {', '.join(names)} FROM audit ORDER BY seq"):  # noqa: S608
        said_before, said, *values = row
        if values[0] != seq + 1:
            return seq, f"line {seq + 1} is missing"
        if said_before != before or said != _hash(before, dict(zip(names, values, strict=True))):
            return seq, f"line {seq + 1} was changed"
        before, seq = said, seq + 1
    head = db.execute("SELECT value FROM meta WHERE name='audit_head'").fetchone()
    if head is not None and head[0] != f"{seq}:{before}":
        return seq, f"lines after {seq} were taken away"
    return seq, None


def _hash(before: str, line: Mapping[str, Any]) -> str:
    return hashlib.sha256((before + json.dumps(line, sort_keys=True)).encode()).hexdigest()


def _rfc3339(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
