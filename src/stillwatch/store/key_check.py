"""Whether a secret key is the one that a home's rows were hashed with: the ledger keeps a mark of it, never the key."""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from stillwatch.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from stillwatch.store.ledger import Ledger

NAME = "key_check"


def check_of(key: bytes) -> str:
    """A mark of a key (hex HMAC-SHA-256 of a constant), from which nothing about it can be told."""
    return hmac.new(key, b"stillwatch key check", hashlib.sha256).hexdigest()


def known_checks(db: sqlite3.Connection) -> tuple[str, ...]:
    """Marks of the keys that a ledger's rows were hashed with: one, two while a rotation is under way, or none yet."""
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name='meta'").fetchone():
        return ()
    row = db.execute("SELECT value FROM meta WHERE name=?", (NAME,)).fetchone()
    return tuple(row[0].split()) if row else ()


def check_key(ledger: Ledger, key: bytes, home: Path) -> None:
    """UsageError where the key is another one than the stored rows'; a store that has no mark yet gets this one's."""
    known = known_checks(ledger.db)
    if not known:
        with suppress(OutsideError):  # whoever may only read learns nothing and breaks nothing
            remember_keys(ledger, key)
    elif check_of(key) not in known:
        what = "is not the key that this store was hashed with: old and new hashes would never meet"
        raise UsageError(str(home / "secret.key"), what, "put the right key back, from a backup")


def remember_keys(ledger: Ledger, *keys: bytes) -> None:
    """From now on these keys are right."""
    with ledger.transaction() as db:
        db.execute("INSERT OR REPLACE INTO meta VALUES(?, ?)", (NAME, " ".join(check_of(key) for key in keys)))
