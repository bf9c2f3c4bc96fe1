"""DIR/match.sqlite: peers and their secrets, runs and what was said in them, what was used up; no token of a set.

A peer's secret proves both sides to each other and never crosses the wire, so it is kept as it is; the file is its
owner's alone (mode 0600). A run's opening (its nonce and key) is kept for disputes and goes after 90 days.
"""

from __future__ import annotations

import json
import re
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stillwatch.decide.record import Record, Who
from stillwatch.errors import OutsideError, UsageError
from stillwatch.store.sqlite_file import all_or_nothing, connected

FILE_NAME = "match.sqlite"
ROLES = ("match", "evaluate")
OPEN = ("waiting", "ready", "answered", "counted", "asked", "agreed", "revealed")
DAY_S = 86_400.0
OPENING_DAYS = 90
_NAME = re.compile(r"[\w.@-]{1,80}")
_SECRET = re.compile(r"swm_(match|evaluate)_([A-Za-z0-9_-]{43})")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS peers(name TEXT PRIMARY KEY, role TEXT, secret TEXT, created_at REAL, revoked_at REAL);
CREATE TABLE IF NOT EXISTS runs(run_id TEXT, side TEXT, peer TEXT, state TEXT, began_at REAL, at REAL, facts TEXT,
    opening TEXT, PRIMARY KEY(run_id, side));
CREATE TABLE IF NOT EXISTS nonces(nonce TEXT PRIMARY KEY, at REAL);
CREATE TABLE IF NOT EXISTS used(peer TEXT, at REAL, what TEXT, n INTEGER);
CREATE INDEX IF NOT EXISTS used_peer ON used(peer, what, at);
"""


@dataclass(frozen=True)
class Peer:
    """Another provider (`match`), or a member that may ask the evaluator (`evaluate`)."""

    name: str
    role: str
    secret: str


class Book:
    """One connection, for all threads of a process; each change is on disk when it returns."""

    def __init__(self, home: Path) -> None:
        self.home = Path(home)
        Record(self.home).close()  # says so where there is no store, or one that cannot be read
        path = self.home / FILE_NAME
        self._lock = threading.RLock()
        try:
            self.db = connected(path)
            self.db.executescript(_SCHEMA)
        except sqlite3.DatabaseError as error:
            raise OutsideError(str(path), "cannot be read as a match book", "restore it from a backup") from error

    def close(self) -> None:
        """Closes the connection."""
        self.db.close()

    @contextmanager
    def _act(self) -> Iterator[sqlite3.Connection]:
        with self._lock, all_or_nothing(self.db, FILE_NAME) as db:
            yield db

    def audit(self, who: Who, what: str, run_id: str, now: float, **details: Any) -> None:
        """A line in the home's audit log. Counts, commitments and kinds; never a token."""
        record = Record(self.home)
        try:
            with record.act():
                record.audit(who, what, run_id, now, **details)
        finally:
            record.close()

    def pair(self, who: Who, name: str, role: str, now: float, given: str | None = None) -> str:
        """A peer's secret: a new one, or the one that the peer made and gave. UsageError where name or role is none."""
        if role not in ROLES:
            raise UsageError("role", f"one of {', '.join(ROLES)}")
        if not _NAME.fullmatch(name):
            raise UsageError("name", "1 to 80 letters, digits or . @ _ -")
        secret = f"swm_{role}_{secrets.token_urlsafe(32)}" if given is None else given.strip()
        if role_of(secret) != role:
            raise UsageError("secret", f"is none of the role {role}", "give it as `stillwatch match pair` printed it")
        with self._act() as db:
            db.execute("INSERT OR REPLACE INTO peers VALUES(?, ?, ?, ?, NULL)", (name, role, secret, now))
        self.audit(who, "match peer paired", name, now, role=role)
        return secret

    def revoke(self, who: Who, name: str, now: float) -> None:
        """Ends a peer's secret, at once."""
        with self._act() as db:
            done = db.execute(
                "UPDATE peers SET revoked_at=?, secret='' WHERE name=? AND revoked_at IS NULL", (now, name)
            )
        if not done.rowcount:
            raise UsageError(name[:80], "is no peer that holds", "stillwatch match peers lists them")
        self.audit(who, "match peer revoked", name, now)

    def peers(self) -> list[dict[str, Any]]:
        """All peers without their secrets."""
        rows = self.db.execute("SELECT name, role, created_at, revoked_at FROM peers ORDER BY name")
        return [dict(row) for row in rows]

    def peer(self, name: str) -> Peer | None:
        """One peer whose secret holds."""
        row = self.db.execute("SELECT * FROM peers WHERE name=? AND revoked_at IS NULL", (name,)).fetchone()
        return None if row is None else Peer(row["name"], row["role"], row["secret"])

    def first_time(self, nonce: str, now: float, keep_s: float) -> bool:
        """Whether a request's nonce was not there before, also not before a restart."""
        with self._act() as db:
            db.execute("DELETE FROM nonces WHERE at < ?", (now - keep_s,))
            return db.execute("INSERT OR IGNORE INTO nonces VALUES(?, ?)", (nonce, now)).rowcount == 1

    def use(self, peer: str, now: float, period_s: float, caps: dict[str, tuple[int, int]]) -> None:
        """Books (n, most in a period) of each thing for a peer; UsageError where one would go over, then none is."""
        with self._act() as db:
            for what, (n, most) in caps.items():
                row = db.execute(
                    "SELECT COALESCE(SUM(n), 0) AS n, MIN(at) AS since FROM used WHERE peer=? AND what=? AND at>?",
                    (peer, what, now - period_s),
                ).fetchone()
                if row["n"] + n > most:
                    left = max(0.0, (row["since"] or now) + period_s - now) / 3600
                    raise UsageError(what, f"over the cap of {most:,} a period ({row['n']:,} used)",
                                     f"again in {left:.1f} hours, or ask the peer for a larger cap")  # fmt: skip
            for what, (n, _) in caps.items():
                db.execute("INSERT INTO used VALUES(?, ?, ?, ?)", (peer, now, what, n))

    def begin(self, run_id: str, side: str, peer: str, state: str, now: float, facts: dict[str, Any],
              opening: dict[str, Any]) -> None:  # fmt: skip
        """Enters a run. `side`: `asks` or `answers`."""
        with self._act() as db:
            db.execute(
                "INSERT INTO runs VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
                (run_id, side, peer, state, now, now, json.dumps(facts), json.dumps(opening)),
            )

    def set(self, run_id: str, side: str, now: float, state: str, **facts: Any) -> None:
        """A run's new state, and what more is known of it."""
        with self._act() as db:
            row = db.execute("SELECT facts FROM runs WHERE run_id=? AND side=?", (run_id, side)).fetchone()
            merged = {**json.loads(row["facts"]), **facts}
            db.execute(
                "UPDATE runs SET state=?, at=?, facts=? WHERE run_id=? AND side=?",
                (state, now, json.dumps(merged), run_id, side),
            )

    def keep_opening(self, run_id: str, side: str, opening: dict[str, Any]) -> None:
        """What a dispute needs of a run: its nonce and key."""
        with self._act() as db:
            db.execute("UPDATE runs SET opening=? WHERE run_id=? AND side=?", (json.dumps(opening), run_id, side))

    def runs(self) -> list[dict[str, Any]]:
        """All runs, newest first, without their openings."""
        rows = self.db.execute("SELECT * FROM runs ORDER BY began_at DESC, side")
        return [{**dict(row), "facts": json.loads(row["facts"]), "opening": None} for row in rows]

    def run(self, run_id: str, side: str | None = None) -> dict[str, Any]:
        """One run with its opening; UsageError where there is none."""
        row = self.db.execute(
            "SELECT * FROM runs WHERE run_id=? AND (? IS NULL OR side=?) ORDER BY side", (run_id, side, side)
        ).fetchone()
        if row is None:
            raise UsageError(run_id[:60], "is no run of this home", "stillwatch match runs lists them")
        return {**dict(row), "facts": json.loads(row["facts"]), "opening": json.loads(row["opening"] or "{}")}

    def consent(self, who: Who, run_id: str, yes: bool, now: float) -> str:
        """A person's word on a run that waits for one; what it was on (`waiting`: the count, `asked`: the matches)."""
        found = self.run(run_id, "answers")
        if found["state"] not in ("waiting", "asked"):
            raise UsageError(run_id, f"waits for no word (it is {found['state']})", "stillwatch match runs")
        asked = str(found["state"])
        after = ("ready" if asked == "waiting" else "agreed") if yes else "refused"
        self.set(run_id, "answers", now, after, consent_by=who.name)
        about = "count" if asked == "waiting" else "matches"
        self.audit(who, "match consent given" if yes else "match consent refused", run_id, now, about=about)
        return asked

    def tidy(self, now: float) -> None:
        """Ends what an earlier process left open, and forgets openings after their days."""
        for run in self.runs():
            if run["state"] in OPEN and run["side"] == "answers":
                self.set(run["run_id"], run["side"], now, "broken off")
                self.audit(Who(run["peer"], "peer"), "match broken off", run["run_id"], now, was=run["state"])
        with self._act() as db:
            db.execute("UPDATE runs SET opening='{}' WHERE began_at < ?", (now - OPENING_DAYS * DAY_S,))
            db.execute("DELETE FROM used WHERE at < ?", (now - 400 * DAY_S,))


def role_of(secret: str) -> str | None:
    """The role that a peer's secret is for; None where it is none."""
    found = _SECRET.fullmatch(secret.strip())
    return found.group(1) if found else None
