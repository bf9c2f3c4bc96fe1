"""DIR/taxii.sqlite: collections of STIX objects, who may read and write which, and what peers handed in."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import sqlite3
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stillwatch.errors import OutsideError, UsageError
from stillwatch.share.words import OURS
from stillwatch.store.sqlite_file import all_or_nothing, connected

FILE_NAME = "taxii.sqlite"
#: The two collections of every server: what we give, and what peers hand in.
INDICATORS, SIGHTINGS = (str(uuid.uuid5(OURS, f"collection {name}")) for name in ("indicators", "sightings"))
_NAME = re.compile(r"[\w .@-]{1,80}")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS collections(id TEXT PRIMARY KEY, title TEXT, description TEXT);
CREATE TABLE IF NOT EXISTS peers(name TEXT PRIMARY KEY, sha256 TEXT UNIQUE, made_at REAL, revoked_at REAL);
CREATE TABLE IF NOT EXISTS acl(collection TEXT, peer TEXT, can_read INTEGER, can_write INTEGER,
    PRIMARY KEY(collection, peer)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS objects(seq INTEGER PRIMARY KEY AUTOINCREMENT, collection TEXT, id TEXT, type TEXT,
    spec_version TEXT, version TEXT, added_at REAL, owner TEXT, body TEXT, UNIQUE(collection, id, version));
CREATE TABLE IF NOT EXISTS statuses(id TEXT PRIMARY KEY, peer TEXT, body TEXT);
"""
_LATEST = """NOT EXISTS (SELECT 1 FROM objects n WHERE n.collection = o.collection AND n.id = o.id
    AND n.version > o.version)"""
_FIRST = """NOT EXISTS (SELECT 1 FROM objects n WHERE n.collection = o.collection AND n.id = o.id
    AND n.version < o.version)"""


@dataclass(frozen=True)
class Peer:
    """Who asks, by the name that a token was made for."""

    name: str


@dataclass(frozen=True)
class Asked:
    """A request for objects. `version`: `last`, `first`, `all` or STIX timestamps; `after`: an arrival (seconds)."""

    ids: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    version: tuple[str, ...] = ("last",)
    spec_versions: tuple[str, ...] = ()
    after: float | None = None
    beyond: int = 0
    """Objects after this place in the order of arrival: where the page before ended."""
    most: int = 1000


class Collections:
    """One connection; short-lived ones are cheap, so each request opens its own."""

    def __init__(self, home: Path) -> None:
        home = Path(home)
        if not (home / "secret.key").is_file():
            raise UsageError(str(home), "there is no store here", "sweep some logs first: stillwatch sweep LOGS")
        path = home / FILE_NAME
        try:
            self.db = connected(path)
            self.db.executescript(_SCHEMA)
        except sqlite3.DatabaseError as error:
            raise OutsideError(str(path), "cannot be read as collections", "restore it from a backup") from error
        self.db.executemany(
            "INSERT OR IGNORE INTO collections VALUES(?, ?, ?)",
            [(INDICATORS, "Distillation indicators", "What this provider shares."),
             (SIGHTINGS, "Sightings", "What peers saw of it, and indicators of their own.")],
        )  # fmt: skip

    @contextmanager
    def act(self) -> Iterator[sqlite3.Connection]:
        """All or nothing."""
        with all_or_nothing(self.db, FILE_NAME) as db:
            yield db

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Rows of a query as dictionaries; `sql` is ours, values are bound."""
        return [dict(row) for row in self.db.execute(sql, tuple(values))]

    def close(self) -> None:
        """Closes the connection."""
        self.db.close()

    # -- peers ------------------------------------------------------------------------------------------
    def make_token(self, name: str, now: float) -> str:
        """A new token of 256 random bits for a peer, shown this once; an older one of the same name ends."""
        if not _NAME.fullmatch(name):
            raise UsageError("name", "1 to 80 letters, digits, spaces or . @ _ -")
        token = f"sw_taxii_{secrets.token_urlsafe(32)}"
        digest = hashlib.sha256(token.encode()).hexdigest()
        with self.act() as db:
            db.execute("INSERT OR REPLACE INTO peers VALUES(?, ?, ?, NULL)", (name, digest, now))
            db.execute("INSERT OR REPLACE INTO acl VALUES(?, ?, 1, 0)", (INDICATORS, name))
            db.execute("INSERT OR REPLACE INTO acl VALUES(?, ?, 0, 1)", (SIGHTINGS, name))
        return token

    def revoke(self, name: str, now: float) -> None:
        """Ends a peer's token, at once."""
        with self.act() as db:
            done = db.execute("UPDATE peers SET revoked_at = ? WHERE name = ? AND revoked_at IS NULL", (now, name))
            if not done.rowcount:
                raise UsageError(name[:60], "has no token that holds", "stillwatch taxii peers lists them")

    def peers(self) -> list[dict[str, Any]]:
        """All peers without their secrets."""
        return self.rows("SELECT name, made_at, revoked_at FROM peers ORDER BY name")

    def who_has(self, token: str) -> Peer | None:
        """Who a token stands for; None where it is none of ours or was revoked."""
        digest = hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
        found = self.rows("SELECT name FROM peers WHERE sha256 = ? AND revoked_at IS NULL", (digest,))
        return Peer(found[0]["name"]) if found else None

    # -- collections --------------------------------------------------------------------------------------
    def seen_by(self, peer: Peer) -> list[dict[str, Any]]:
        """Collections that a peer may read or write, as TAXII describes them."""
        rows = self.rows(
            "SELECT c.id, c.title, c.description, a.can_read, a.can_write FROM collections c "
            "JOIN acl a ON a.collection = c.id WHERE a.peer = ? AND (a.can_read OR a.can_write) ORDER BY c.title",
            (peer.name,),
        )
        return [{**row, "can_read": bool(row["can_read"]), "can_write": bool(row["can_write"])} for row in rows]

    def add(self, collection: str, objects: Sequence[Mapping[str, Any]], owner: str, now: float) -> None:
        """Puts objects into a collection; the same version of the same object twice is one."""
        with self.act() as db:
            db.executemany(
                "INSERT OR IGNORE INTO objects(collection, id, type, spec_version, version, added_at, owner, body) "
                "VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
                [(collection, o["id"], o["type"], o.get("spec_version", "2.1"), version_of(o), now, owner,
                  json.dumps(o, separators=(",", ":"))) for o in objects],
            )  # fmt: skip

    def find(self, collection: str, asked: Asked) -> tuple[list[dict[str, Any]], bool]:
        """(rows in order of arrival, whether there are more)."""
        where, values = ["o.collection = ?", "o.seq > ?"], [collection, asked.beyond]
        for column, given in (("id", asked.ids), ("type", asked.types), ("spec_version", asked.spec_versions)):
            if given:
                where.append(f"o.{column} IN ({','.join('?' * len(given))})")
                values += given
        if asked.after is not None:
            where.append("o.added_at > ?")
            values.append(asked.after)
        if "all" not in asked.version:
            either: list[str] = []
            either += [_LATEST] if "last" in asked.version else []
            either += [_FIRST] if "first" in asked.version else []
            dates = [v for v in asked.version if v not in ("last", "first")]
            if dates:
                either.append(f"o.version IN ({','.join('?' * len(dates))})")
                values += dates
            where.append(f"({' OR '.join(either)})")
        sql = f"SELECT o.* FROM objects o WHERE {' AND '.join(where)} ORDER BY o.seq LIMIT ?"  # noqa: S608
        rows = self.rows(sql, [*values, asked.most + 1])
        return rows[: asked.most], len(rows) > asked.most

    def remove(self, collection: str, asked: Asked, owner: str) -> int:
        """Takes away what this owner put there; how many."""
        rows, _ = self.find(collection, asked)
        mine = [(row["seq"],) for row in rows if row["owner"] == owner]
        with self.act() as db:
            db.executemany("DELETE FROM objects WHERE seq = ?", mine)
        return len(mine)

    # -- statuses -------------------------------------------------------------------------------------------
    def keep_status(self, peer: Peer, body: Mapping[str, Any]) -> None:
        """Keeps what came of a request; only who made it may ask."""
        with self.act() as db:
            db.execute("INSERT INTO statuses VALUES(?, ?, ?)", (body["id"], peer.name, json.dumps(body)))

    def status(self, peer: Peer, status_id: str) -> dict[str, Any] | None:
        """A status of this peer's, or None."""
        found = self.rows("SELECT body FROM statuses WHERE id = ? AND peer = ?", (status_id, peer.name))
        read: dict[str, Any] | None = json.loads(found[0]["body"]) if found else None
        return read


def version_of(one: Mapping[str, Any]) -> str:
    """What tells two versions of an object apart; objects without either time have one version."""
    return str(one.get("modified") or one.get("created") or "1970-01-01T00:00:00.000Z")
