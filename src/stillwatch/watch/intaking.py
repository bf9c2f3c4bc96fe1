"""The home's end of a stream: one batch, one commit; after a failure nothing in memory is believed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stillwatch.ingest import Dialect, Input
from stillwatch.intake import Run, take_records
from stillwatch.patterns import load_rules
from stillwatch.settings import Settings
from stillwatch.store import LiveWriter, Store, open_store


@dataclass(frozen=True)
class Batch:
    """What one batch brought: rows by outcome, why rows were refused, files that were no logs (path to why)."""

    read: int = 0
    kept: int = 0
    quarantined: int = 0
    duplicates: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)


class Intaking:
    """Takes batches of inputs into a home. Whatever it raises, the places are those of the last commit."""

    def __init__(self, home: Path, settings: Settings, dialect: Dialect | None) -> None:
        self._home, self._settings, self._dialect = home, settings, dialect
        self._rules = tuple(load_rules([Path(pack) for pack in settings.patterns.packs]))
        self._compiled: Any = None
        self._store: Store | None = None
        self._writer: LiveWriter | None = None
        self._places: dict[str, dict[str, Any]] | None = None
        self._version = -1
        self._untidy = True
        self.newest_at: float | None = None
        """Unix time of the newest exchange in the store."""

    def places(self) -> Mapping[str, dict[str, Any]]:
        """How far each input is stored, by this process or by another."""
        store = self._open()
        version = store.ledger.version()
        if self._places is None or version != self._version:
            self._places, self._version = store.ledger.positions(), version
            self._look(store)
        return self._places

    def take(self, inputs: Sequence[Input], stop: Callable[[], bool]) -> Batch:
        """Reads inputs and commits; raises what the inputs or the disk raise, and then nothing of it is stored twice
        or left out when it is asked again."""
        places = self.places()
        try:
            store = self._open()
            writer = self._writer or LiveWriter(store)
            self._writer = writer
            with writer:
                run = Run(
                    store, writer, self._rules, self._settings.ingest.keep_text_days, known=places,
                    compiled=self._compiled, stop=stop,
                )  # fmt: skip
                for one in inputs:
                    run.take(one, self._dialect)
                    if stop():
                        break
                run.flush()
            self._compiled, self._places, self._untidy = run.compiled, run.places, True
            self._look(store)
        except BaseException:
            self.close()
            raise
        counts = {name: run.counts.get(name, 0) for name in ("read", "kept", "quarantined", "duplicates")}
        skipped = {file["path"]: file["skipped"] for file in run.files if file.get("skipped")}
        return Batch(**counts, reasons=dict(run.reasons.most_common()), skipped=skipped)

    def take_records(self, accounts: Sequence[Path], releases: Sequence[Path]) -> int:
        """Takes account records and releases in; says how many changed."""
        with self._live() as writer:
            return take_records(writer, accounts, releases, self._settings.ingest.max_malformed_share)

    def tidy(self) -> None:
        """Joins many small parts, where something was stored since; not while this process hunts."""
        if self._untidy:
            with self._live() as writer:
                writer.tidy()
            self._untidy = False

    def close(self) -> None:
        """Closes the store; it is opened again when it is needed."""
        if self._store is not None:
            self._store.close()
        self._store = self._writer = self._places = None

    def _open(self) -> Store:
        if self._store is None:
            self._store = open_store(self._home, create=True)
        return self._store

    def _live(self) -> LiveWriter:
        if self._writer is None:
            self._writer = LiveWriter(self._open())
        return self._writer

    def _look(self, store: Store) -> None:
        (newest,) = store.ledger.db.execute("SELECT max(max_at) FROM parts WHERE kind='exchanges'").fetchone()
        self.newest_at = newest / 1e6 if newest is not None else None


def added(batches: Counter[str], batch: Batch) -> None:
    """Adds a batch's counts to a sum."""
    batches.update(read=batch.read, kept=batch.kept, quarantined=batch.quarantined, duplicates=batch.duplicates)
