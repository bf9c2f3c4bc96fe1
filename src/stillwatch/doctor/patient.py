"""What every check is given: a home, opened to be looked at; and what it answers."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from stillwatch.store.formats import for_reading

SEVERITIES = ("broken", "warning", "note")


@dataclass(frozen=True)
class Ailment:
    """One thing that is wrong. `broken`: something is lost, wrong or will fail; `warning`: it will be, or nobody looks;
    `note`: worth knowing. `do` says what to do, a command where there is one; `mendable` that `--mend` does it."""

    severity: str
    where: str
    what: str
    do: str
    mendable: bool = False


@dataclass(frozen=True)
class Patient:
    """A home to look at. Nothing here writes; `now` is seconds since 1970; `deep` asks to read every part whole."""

    home: Path
    now: float
    settings_file: Path | None = None
    environ: Mapping[str, str] = field(default_factory=dict)
    deep: bool = False

    @cached_property
    def databases(self) -> dict[str, sqlite3.Connection]:
        """The SQLite files that open, by name; each for reading."""
        found: dict[str, sqlite3.Connection] = {}
        for file in sorted(self.home.glob("*.sqlite")):
            with suppress(sqlite3.Error):
                db = for_reading(file)
                db.execute("SELECT name FROM sqlite_master LIMIT 1").fetchall()
                found[file.name] = db
        return found

    @property
    def ledger(self) -> sqlite3.Connection | None:
        """The ledger, where it can be read."""
        return self.databases.get("ledger.sqlite")

    @cached_property
    def run(self) -> dict[str, Any]:
        """run.json of the latest findings, or empty."""
        with suppress(OSError, ValueError):
            read = json.loads((self.home / "findings" / "run.json").read_text("utf-8"))
            return read if isinstance(read, dict) else {}
        return {}

    @cached_property
    def runs(self) -> list[tuple[int, str, dict[str, Any]]]:
        """(number, state, counts) of every run in the ledger."""
        if self.ledger is None:
            return []
        with suppress(sqlite3.Error, ValueError):
            rows = self.ledger.execute("SELECT id, state, counts FROM runs ORDER BY id").fetchall()
            return [(number, state, json.loads(counts or "{}")) for number, state, counts in rows]
        return []

    @cached_property
    def parts(self) -> list[tuple[str, str, int, int, int | None, int | None]]:
        """(kind, name, rows, bytes, earliest, latest) of every registered part; times in microseconds."""
        if self.ledger is None:
            return []
        with suppress(sqlite3.Error):
            columns = "kind, name, rows, bytes, min_at, max_at"
            return self.ledger.execute(f"SELECT {columns} FROM parts ORDER BY kind, name").fetchall()  # noqa: S608
        return []

    def option(self) -> str:
        """` --home DIR` as a command needs it; nothing where it is the default."""
        from stillwatch.report.plain_text import quoted

        return "" if str(self.home) == ".stillwatch" else f" --home {quoted(self.home, 200)}"

    def close(self) -> None:
        """Closes what was opened."""
        for db in self.databases.values():
            db.close()
