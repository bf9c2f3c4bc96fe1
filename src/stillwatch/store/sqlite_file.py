"""A SQLite file of a home: read and written by its owner only, changed all or nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stillwatch.errors import OutsideError


def connected(path: Path) -> sqlite3.Connection:
    """A connection for all threads, rows by name, mode 0600, write-ahead log. sqlite3.DatabaseError if it is none."""
    db = sqlite3.connect(path, isolation_level=None, timeout=30.0, check_same_thread=False)
    db.row_factory = sqlite3.Row
    path.chmod(0o600)
    db.execute("PRAGMA journal_mode=WAL")
    return db


@contextmanager
def all_or_nothing(db: sqlite3.Connection, file_name: str) -> Iterator[sqlite3.Connection]:
    """A transaction, on disk when it returns. OutsideError, by the file's name, where it cannot be written."""
    try:
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:  # a full disk may have rolled it back already
                db.execute("ROLLBACK")
            raise
    except sqlite3.OperationalError as error:
        hint = "check disk and rights, then try again"
        raise OutsideError(file_name, f"cannot be written ({error})", hint) from error
