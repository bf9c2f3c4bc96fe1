"""Formats of a home's SQLite files: an older one is brought up step by step, a newer one is refused in clear words.

A step is one transaction with the number of the format it leads to, so after a kill at any moment the file has either
the format before a step or the one after it, and the next opening goes on from there.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stillwatch.errors import OutsideError, UsageError
from stillwatch.store.locks import locked

LOCK_WAIT = 10.0


@dataclass(frozen=True)
class Step:
    """From format `since` to `to`. `change` is called with the connection and the home, inside the transaction.

    It uses `execute`, never `executescript` (which commits). Files that it writes are such that writing them twice is
    writing them once, and only the transaction makes them count.
    """

    since: str
    to: str
    says: str
    change: Callable[[sqlite3.Connection, Path], None]


def format_of(db: sqlite3.Connection) -> str | None:
    """The format that a file says it has; None where it says nothing, as a new one does."""
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name='meta'").fetchone():
        return None
    row = db.execute("SELECT value FROM meta WHERE name='format'").fetchone()
    return None if row is None else str(row[0])


def for_reading(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing, also on a disk that cannot be written; sqlite3.Error where none opens."""
    how = "mode=rw" if os.access(path.parent, os.W_OK) else "immutable=1"  # WAL writes beside what it reads
    db = sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, timeout=30.0)
    db.execute("PRAGMA query_only=ON")
    return db


def cannot_open(path: Path, error: sqlite3.DatabaseError, what: str) -> OutsideError:
    """The error for a file that does not open: its disk or its rights, or `what`, that is damage."""
    if isinstance(error, sqlite3.OperationalError) and "malformed" not in str(error):
        why = str(error) if os.access(path.parent, os.W_OK) else "its folder is read-only"
        return OutsideError(str(path), f"cannot be opened ({why})", "check disk and rights: stillwatch doctor")
    return OutsideError(str(path), what, "restore it from a backup, or start a new --home")


def bring_up(
    db: sqlite3.Connection, path: Path, *, schema: str, current: str, steps: Sequence[Step] = (), alone: bool = False
) -> list[Step]:
    """Makes a new file, or brings an old one to `current`; the steps that were taken.

    With `alone` the home's lock is held meanwhile. UsageError where the format is newer or unknown, where no step leads
    on, or where another process writes in the home; sqlite3.Error from the file.
    """
    known = format_of(db)
    if known is None:
        named = f"INSERT OR IGNORE INTO meta VALUES('format', '{int(current)}');"
        try:
            db.executescript(f"BEGIN IMMEDIATE;\n{schema}\n{named}\nCOMMIT;")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        known = format_of(db)  # another process may have been first, and may be of another version
    if known != current:
        way = _way(path, str(known), current, steps)
        holding: Any = locked(path.parent, wait=LOCK_WAIT) if alone else nullcontext()
        with holding:
            for step in way:
                _take(db, path, step)
    else:
        way = []
    db.executescript(schema)
    return way


def _way(path: Path, known: str, current: str, steps: Sequence[Step]) -> list[Step]:
    newer = known.isdecimal() and int(known) > int(current)
    if newer or not known.isdecimal():
        what = f"was written by a newer version (its format is {known[:10]}, this version knows up to {current})"
        if not newer:
            what = f"was written by another version (format {known[:10]!r})"
        raise UsageError(str(path), what, "use the version that wrote it, or restore a backup made by this one")
    by = {step.since: step for step in steps}
    way: list[Step] = []
    while known != current:
        if known not in by:
            what = f"is of format {known}, and no way leads from there to {current}"
            raise UsageError(str(path), what, "open it once with a version in between, or use a new --home")
        way.append(by[known])
        known = by[known].to
    return way


def _take(db: sqlite3.Connection, path: Path, step: Step) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        if format_of(db) == step.since:  # else another process took it while this one waited
            step.change(db, path.parent)
            assert db.in_transaction, f"the step to format {step.to} committed by itself"
            db.execute("UPDATE meta SET value=? WHERE name='format'", (step.to,))
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
