"""The one writer of a home: chunks that are wholly there or not at all, and runs that can be taken back."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from stillwatch.errors import UsageError
from stillwatch.store.home import Store
from stillwatch.store.locks import FINDINGS_LOCK, WRITE_WAIT, locked
from stillwatch.store.parts import KINDS, Part, add_names, open_part, read_part, summed, write_part
from stillwatch.store.seen_ids import SeenIds

SMALL_ROWS = 1 << 16
MOST_SMALL = 64
_MERGED_ROWS = 1 << 20
_NESTED = ("reasons", "unknown_fields", "set_unknown")


@dataclass
class Chunk:
    """What is committed together. `positions`: path to how far it is read with these rows in the store."""

    kept: list[pa.RecordBatch] = field(default_factory=list)
    fingerprints: list[pa.RecordBatch] = field(default_factory=list)
    turns: list[pa.RecordBatch] = field(default_factory=list)
    texts: list[pa.RecordBatch] = field(default_factory=list)
    text_bytes: int = 0
    positions: dict[str, dict[str, Any]] = field(default_factory=dict)
    quarantine: list[dict[str, Any]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    unknown_fields: Counter[str] = field(default_factory=Counter)
    set_unknown: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)

    @property
    def rows(self) -> int:
        """Exchanges in it."""
        return sum(len(batch) for batch in self.kept)


class Writer:
    """Writes one run. Use as a context manager: entering takes the lock and sweeps up after a run that was killed.

    A run that was killed is carried on under its own number, so what it counted and whether it is taken back at
    the end are decided over the whole of it.
    """

    wait = WRITE_WAIT
    takes_back = True
    """Whether a run is judged at its end, so that the inputs' places before it are kept."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.ledger = store.ledger
        self._lock: Any = None

    def __enter__(self) -> Writer:
        self._lock = locked(self.store.home, wait=self.wait)
        self._lock.__enter__()
        try:
            self._begin()
        except BaseException:
            self._lock.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *exc: Any) -> None:
        self._lock.__exit__(None, None, None)

    def _begin(self) -> None:
        sweep_up(self.store)
        self.accounts = dict(self.ledger.db.execute("SELECT account_id, number FROM accounts_seen"))
        self.run, counts, quarantine = self._chosen_run()
        self.totals: dict[str, Any] = json.loads(counts)
        self._quarantine = self.store.home / "quarantine" / f"run-{self.run:06d}.jsonl"
        if self._quarantine.exists() and self._quarantine.stat().st_size > quarantine:
            os.truncate(self._quarantine, quarantine)
        self._quarantine_size = self._quarantine.stat().st_size if self._quarantine.exists() else 0
        self._new: list[tuple[int, str]] = []
        self._next = self._highest_account() + 1
        (self._part,) = self.ledger.db.execute(
            "SELECT coalesce(max(substr(name, 8, 6)), 0) + 1 FROM parts WHERE run=?", (self.run,)
        ).fetchone()
        stored = self.ledger.part_rows("exchanges")
        self.seen = SeenIds(self.store.key, sum(stored.values()))
        for name in stored:
            file = open_part(self.store.home, "exchanges", name)
            for batch in file.iter_batches(1 << 17, columns=["exchange_id"], use_threads=False):
                self.seen.add(batch.column(0))

    def _chosen_run(self) -> tuple[int, str, int]:
        """(number, counts, bytes of its quarantine) of the run that was killed, else of a new one."""
        found = self.ledger.db.execute("SELECT id, counts, quarantine FROM runs WHERE state='open'").fetchone()
        if found is not None:
            return tuple(found)
        with self.ledger.transaction() as db:
            return self._new_run(db, "open")

    def _new_run(self, db: sqlite3.Connection, state: str) -> tuple[int, str, int]:
        (last,) = db.execute("SELECT coalesce(max(id), 0) FROM runs").fetchone()
        nothing = json.dumps({name: {} for name in _NESTED})
        row = (last + 1, state, nothing, self._highest_account())
        db.execute("INSERT INTO runs VALUES(?, ?, ?, '{}', 0, ?)", row)
        return last + 1, nothing, 0

    def _highest_account(self) -> int:
        (highest,) = self.ledger.db.execute("SELECT coalesce(max(number), -1) FROM accounts_seen").fetchone()
        return int(highest)

    def account_numbers(self, ids: pa.Array) -> Any:
        """The number (int32 array) of each account_id; new ones are registered with the next commit."""
        coded = ids.dictionary_encode()
        numbers = []
        for account_id in coded.dictionary.to_pylist():
            number = self.accounts.get(account_id)
            if number is None:
                number = self._next
                self._next += 1
                self.accounts[account_id] = number
                self._new.append((number, account_id))
            numbers.append(number)
        return pa.array(numbers, pa.int32()).take(coded.indices).to_numpy(zero_copy_only=False)

    def commit(self, chunk: Chunk, text_until: str | None = None) -> None:
        """Parts first, under their own names and on disk; then one transaction that makes them count."""
        name = f"{self.run:06d}-{self._part:06d}.parquet"
        parts: list[Part] = []
        if chunk.rows:
            home = self.store.home
            parts.append(write_part(home, "exchanges", name, pa.Table.from_batches(chunk.kept)))
            for kind, batches in (("fingerprints", chunk.fingerprints), ("turns", chunk.turns)):
                if any(len(batch) for batch in batches):
                    parts.append(write_part(home, kind, name, summed(kind, pa.Table.from_batches(batches))))
            if chunk.texts and text_until is not None:
                labelled = f"{name[:-8]}.until-{text_until}.parquet"
                parts.append(write_part(home, "text", labelled, pa.Table.from_batches(chunk.texts)))
            self._part += 1
        self._write_quarantine(chunk.quarantine)
        for counter, amount in chunk.counts.items():
            self.totals[counter] = self.totals.get(counter, 0) + amount
        for nested in _NESTED:
            add_names(total := Counter(self.totals.get(nested, {})), getattr(chunk, nested))
            self.totals[nested] = dict(total)
        with self.ledger.transaction() as db:
            (before_text,) = db.execute("SELECT before FROM runs WHERE id=?", (self.run,)).fetchone()
            before = json.loads(before_text)
            for path, position in chunk.positions.items():
                if path not in before and self.takes_back:
                    old = db.execute("SELECT position FROM inputs WHERE path=?", (path,)).fetchone()
                    before[path] = json.loads(old[0]) if old else None
                db.execute("INSERT OR REPLACE INTO inputs VALUES(?, ?)", (path, json.dumps(position)))
            for part in parts:
                missing = json.dumps(chunk.missing) if part.kind == "exchanges" else None
                db.execute("INSERT INTO parts VALUES(?, ?, ?, ?, ?, ?, ?, ?)", (*part, self.run, missing))
            db.executemany("INSERT INTO accounts_seen VALUES(?, ?)", self._new)
            db.execute(
                "UPDATE runs SET counts=?, before=?, quarantine=? WHERE id=?",
                (json.dumps(self.totals), json.dumps(before), self._quarantine_size, self.run),
            )
        self._new = []

    def _write_quarantine(self, lines: list[dict[str, Any]]) -> None:
        if not lines:
            return
        with self._quarantine.open("ab") as file:
            self._quarantine.chmod(0o600)
            file.write("".join(json.dumps(line) + "\n" for line in lines).encode())
            file.flush()
            os.fsync(file.fileno())
            self._quarantine_size = file.tell()

    def finish(self) -> None:
        """The run counts for good; many small parts become few."""
        with self.ledger.transaction() as db:
            db.execute("UPDATE runs SET state='done', before='{}' WHERE id=?", (self.run,))
            latest = max(int(time.time() * 1e6), self.ledger.last_written_at())
            db.execute("INSERT OR REPLACE INTO meta VALUES('last_written_at', ?)", (str(latest),))
        for kind in KINDS:
            merge_small(self.store, kind, self.run)

    def take_back(self) -> None:
        """Nothing of the run counts: its parts go, its inputs are unread again. The quarantine stays, to look at."""
        with self.ledger.transaction() as db:
            before, accounts = db.execute("SELECT before, accounts_before FROM runs WHERE id=?", (self.run,)).fetchone()
            for path, position in json.loads(before).items():
                if position is None:
                    db.execute("DELETE FROM inputs WHERE path=?", (path,))
                else:
                    db.execute("INSERT OR REPLACE INTO inputs VALUES(?, ?)", (path, json.dumps(position)))
            db.execute("DELETE FROM parts WHERE run=?", (self.run,))
            db.execute("DELETE FROM accounts_seen WHERE number>?", (accounts,))
            db.execute("UPDATE runs SET state='rejected', before='{}' WHERE id=?", (self.run,))
        sweep_up(self.store)


def sweep_up(store: Store) -> None:
    """Removes part files that no transaction made count. Only under the lock."""
    for kind in (*KINDS, "text"):
        folder = store.home / kind
        if not folder.is_dir():
            continue
        registered = set(store.ledger.parts(kind))
        for file in folder.iterdir():
            if file.name not in registered and file.name.endswith((".parquet", ".writing")):
                file.unlink(missing_ok=True)
    with suppress(UsageError), locked(store.home, FINDINGS_LOCK):
        clear_unfinished(store.home)


def clear_unfinished(home: Path) -> None:
    """Removes what a killed process left half written in findings and history: it names accounts. Under that lock."""
    for folder in (home / "findings", home / "history", home / "history" / "latest"):
        for pattern in (".*.new", "*.new", "*.writing"):
            for file in folder.glob(pattern):
                file.unlink(missing_ok=True)


def expire_text(store: Store) -> None:
    """Kept texts whose time has come are removed, first from the ledger, then from disk. Only under the lock."""
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    for name in store.ledger.parts("text"):
        if name.split(".until-")[-1].split(".")[0] <= now:
            with store.ledger.transaction() as db:
                db.execute("DELETE FROM parts WHERE kind='text' AND name=?", (name,))
            (store.home / "text" / name).unlink(missing_ok=True)


def merge_small(store: Store, kind: str, run: int, most: int = MOST_SMALL) -> int:
    """Where there are more than `most` small parts of a kind, joins them; returns how many files were joined."""
    small = [name for name, rows in store.ledger.part_rows(kind).items() if rows < SMALL_ROWS]
    if len(small) <= most:
        return 0
    joined = 0
    while small:
        names: list[str] = []
        rows, held = 0, store.ledger.part_rows(kind)
        while small and (not names or rows + held[small[0]] <= _MERGED_ROWS):
            rows += held[small[0]]
            names.append(small.pop(0))
        if len(names) < 2:
            break
        table = pa.concat_tables([read_part(store.home, kind, name) for name in names])
        replace_parts(store, kind, names, table if kind == "exchanges" else summed(kind, table), run)
        joined += len(names)
    return joined


def replace_parts(store: Store, kind: str, names: list[str], table: pa.Table, run: int | None = None) -> None:
    """Puts one part in the place of others, in one step for whoever reads the ledger."""
    marks = ", ".join("?" * len(names))
    rows = store.ledger.db.execute(
        f"SELECT run, missing FROM parts WHERE kind=? AND name IN ({marks})", (kind, *names)  # noqa: S608
    ).fetchall()  # fmt: skip
    missing: Counter[str] = Counter()
    for _, text in rows:
        missing.update(json.loads(text) if text else {})
    stem, again = names[0].split(".")[0][:13], 0
    ending = names[0][13:].removeprefix(".") if kind == "text" else "parquet"
    while (store.home / kind / f"{stem}.{again}.{ending}").exists():
        again += 1
    part = write_part(store.home, kind, f"{stem}.{again}.{ending}", table) if table.num_rows else None
    with store.ledger.transaction() as db:
        db.execute(f"DELETE FROM parts WHERE kind=? AND name IN ({marks})", (kind, *names))  # noqa: S608
        if part is not None:
            counted = json.dumps({c: min(n, part.rows) for c, n in missing.items()}) if kind == "exchanges" else None
            db.execute("INSERT INTO parts VALUES(?, ?, ?, ?, ?, ?, ?, ?)", (*part, run or rows[0][0], counted))
    for name in names:
        (store.home / kind / name).unlink(missing_ok=True)
