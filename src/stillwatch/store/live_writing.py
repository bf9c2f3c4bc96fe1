"""A writer for a process that stays: it holds the home for a batch at a time and remembers what it knows of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from stillwatch.errors import OutsideError
from stillwatch.store.home import Store, read_key
from stillwatch.store.parts import KINDS
from stillwatch.store.writing import Writer, merge_small

_RUN = "live run"


class LiveWriter(Writer):
    """Enter it for each batch. Between batches others may write; if somebody did, all is read again.

    Its rows count with their commit and are never taken back, so what a killed ingest left is settled first. One run a
    day (UTC) carries the counts, also from process to process. After a batch that failed nothing of it is believed.
    """

    wait = 10.0
    takes_back = False

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._version: tuple[int, ...] | None = None
        self._ledger_file = (store.home / "ledger.sqlite").stat().st_ino
        self._day = ""
        self._part = 1

    def __enter__(self) -> LiveWriter:
        super().__enter__()
        return self

    def __exit__(self, *exc: Any) -> None:
        self._version = self._stands() if exc[0] is None else None
        super().__exit__(*exc)

    def _begin(self) -> None:
        stands = self._stands()
        if self._version == stands and self._day == _today():
            return
        if stands[1] != self._ledger_file:
            raise OutsideError(str(self.store.home), "was put in place anew", "the store is opened again")
        self._version, part = None, self._part
        self.store.key = read_key(self.store.home / "secret.key")
        super()._begin()
        self._part = max(self._part, part)  # a name that a reader may still hold is not used again
        self._day = _today()

    def _chosen_run(self) -> tuple[int, str, int]:
        with self.ledger.transaction() as db:
            db.execute("UPDATE runs SET state='done', before='{}' WHERE state='open'")
            known = db.execute("SELECT value FROM meta WHERE name=?", (_RUN,)).fetchone()
            if known is not None and known[0].startswith(_today()):
                number = int(known[0].split()[1])
                found = db.execute("SELECT id, counts, quarantine FROM runs WHERE id=?", (number,)).fetchone()
                if found is not None:
                    return tuple(found)
            fresh = self._new_run(db, "done")
            db.execute("INSERT OR REPLACE INTO meta VALUES(?, ?)", (_RUN, f"{_today()} {fresh[0]}"))
            return fresh

    def tidy(self) -> None:
        """Many small parts become few. Inside the lock; not while a hunt of this process reads them."""
        for kind in KINDS:
            merge_small(self.store, kind, self.run)

    def _stands(self) -> tuple[int, ...]:
        """Changes whenever somebody else has changed the ledger (another connection), or put a file in its place."""
        files = (self.store.home / name for name in ("ledger.sqlite", "secret.key"))
        return self.ledger.version(), *(file.stat().st_ino for file in files)


def _today() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d")
