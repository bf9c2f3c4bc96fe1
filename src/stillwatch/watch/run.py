"""The watch's loop: read a little, keep it, look whether a sweep is due; until it is told to stop."""

from __future__ import annotations

import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import pyarrow as pa

from stillwatch.decide.live import expire
from stillwatch.decide.policy import Policy
from stillwatch.decide.record import Record
from stillwatch.errors import StillwatchError, UsageError
from stillwatch.ingest import Dialect
from stillwatch.ingest.streams import follow
from stillwatch.service.alerting import Alerting
from stillwatch.service.turns import take_turns
from stillwatch.settings import Settings
from stillwatch.store import locked, open_store
from stillwatch.watch.following import Following, Pause, SourceFault
from stillwatch.watch.intaking import Batch, Intaking, added
from stillwatch.watch.lag import Lag
from stillwatch.watch.rhythm import Rhythm, Schedule
from stillwatch.watch.sweeping import Sweeping, Swept
from stillwatch.watch.telling import Teller

_LOCK = "watch.lock"
_LONGEST_BATCH_S = 5.0
"""After so long a batch ends, so that other commands get their turn at the home."""
_TELL_S = 60.0
_AHEAD_S = 2 * 86400.0
"""A row may be so far ahead of the clock (`ingest.checks`); one that is further means that the clock is wrong."""
_LEAVE_S = 5.0
_FULL = 2000
_STORE_TROUBLE = (StillwatchError, OSError, sqlite3.Error, pa.ArrowException)


@dataclass(frozen=True)
class Watched:
    """What to watch and how: `sources` as `ingest.streams.follow` takes them, `batch_s` seconds between batches."""

    sources: Sequence[str]
    rhythm: Rhythm
    dialect: Dialect | None = None
    accounts: Sequence[Path] = ()
    releases: Sequence[Path] = ()
    policy: Policy | None = None
    batch_s: float = 1.0
    metrics_port: int = 0


def watch(home: Path, watched: Watched, *, settings: Settings, tell: Teller) -> None:
    """Watches until SIGTERM or an interrupt. UsageError where a source cannot be one, or a home is watched already."""
    open_store(home, create=True).close()
    with _only_one(home):
        leave = [home, *watched.accounts, *watched.releases]
        sources = [Following(follow(source, leave=leave), tell) for source in watched.sources]
        alerting = Alerting(home, settings)
        stop = threading.Event()
        with _until_told(stop):
            loop = _Loop(home, watched, settings, sources, tell, stop)
            if watched.policy is not None or alerting:
                for seconds, turn in ((1.0, alerting.alerts), (5.0, _expiry)):
                    threading.Thread(target=take_turns, args=(home, stop, seconds, turn), daemon=True).start()
            try:
                loop.run()
            finally:
                loop.close()


class _Loop:
    def __init__(
        self, home: Path, watched: Watched, settings: Settings, sources: list[Following], tell: Teller,
        stop: threading.Event,
    ) -> None:  # fmt: skip
        self._home, self._watched, self._sources, self._tell, self._stop = home, watched, sources, tell, stop
        self._intaking = Intaking(home, settings, watched.dialect)
        self._sweeping = Sweeping(home, settings, watched.policy)
        self._schedule = Schedule(watched.rhythm, time.monotonic(), _findings_age(home))
        self._store = Pause(tell, "store", str(home))
        self._records = Pause(tell, "records", "--accounts")
        self._clock = Pause(tell, "clock", "clock")
        self._lag = Lag()
        self._new = self._swept_rows = 0
        self._sum: Counter[str] = Counter()
        self._refused: dict[str, Counter[str]] = {}
        self._told_refused = -_TELL_S
        self._stamps: dict[Path, int] = {}
        if watched.metrics_port:
            self._lag.serve(watched.metrics_port, lambda: self._intaking.newest_at)

    def run(self) -> None:
        """Until `stop` is set: the batch that is under way is finished."""
        self._tell("started", sources=len(self._sources), stored=self._stored(), home=str(self._home))
        while not self._stop.is_set():
            began = time.monotonic()
            full = self._read() if self._may_read() else False
            self._sweep(caught_up=not full)
            self._tell_refused()
            for source in self._sources:
                self._lag.stands(source.name, self._behind(source), source.pause.failures > 0)
            if not full:
                self._stop.wait(max(0.01, self._watched.batch_s - (time.monotonic() - began)))
        self._tell_refused(now=True)
        if (swept := self._sweeping.ended(_LEAVE_S)) is not None:
            self._tell_swept(swept)
        self._tell("stopped", kept=self._sum["kept"], quarantined=self._sum["quarantined"])

    def close(self) -> None:
        """Lets go of the sources and the store."""
        for source in self._sources:
            source.close()
        self._intaking.close()

    def _stored(self) -> int:
        store = open_store(self._home)
        try:
            return sum(store.ledger.part_rows("exchanges").values())
        finally:
            store.close()

    def _may_read(self) -> bool:
        """Not while the store fails, and not by a clock that would call good rows impossible."""
        if not self._store.over:
            return False
        newest = self._intaking.newest_at
        if newest is not None and newest - time.time() > _AHEAD_S:
            if self._clock.over:
                hint = "set it right; reading goes on by itself"
                self._clock.failed(StillwatchError("clock", "stands before rows that are stored already", hint))
            return False
        self._clock.went_well()
        return True

    def _read(self) -> bool:
        """One batch of each source; whether there was so much that more waits."""
        full = False
        until = time.monotonic() + _LONGEST_BATCH_S
        for source in self._sources:
            if self._stop.is_set():
                break
            try:
                inputs = source.ready(self._intaking.places())
                if not inputs:
                    continue
                batch = self._intaking.take(inputs, lambda: self._stop.is_set() or time.monotonic() > until)
                self._store.went_well()
                self._lag.store(False)
                source.stored(self._intaking.places())
            except SourceFault as error:
                source.pause.failed(error)
                continue
            except _STORE_TROUBLE as error:
                self._store.failed(error)
                self._lag.store(True)
                return False
            source.overlook(batch.skipped)
            self._count(source.name, batch)
            full = full or batch.read >= _FULL or time.monotonic() > until
        return full

    def _count(self, source: str, batch: Batch) -> None:
        self._new += batch.kept
        added(self._sum, batch)
        self._lag.took(batch)
        if batch.quarantined:
            refused = self._refused.setdefault(source, Counter())
            refused.update({f"reason {reason}": rows for reason, rows in batch.reasons.items()})
            refused.update(rows=batch.quarantined)
        if source in self._refused:
            self._refused[source].update(of=batch.read)

    def _tell_refused(self, now: bool = False) -> None:
        if not self._refused or not (now or time.monotonic() - self._told_refused >= _TELL_S):
            return
        self._told_refused = time.monotonic()
        for source, counts in self._refused.items():
            reasons = Counter({name[7:]: n for name, n in counts.items() if name.startswith("reason ")})
            reason, most = reasons.most_common(1)[0]
            self._tell("quarantine", where=source, rows=counts["rows"], of=counts["of"], reason=reason, most=most)
        self._refused = {}

    def _behind(self, source: Following) -> int | None:
        try:
            return source.behind(self._intaking.places())
        except _STORE_TROUBLE:
            return None

    def _sweep(self, caught_up: bool) -> None:
        if (swept := self._sweeping.ended()) is not None:
            self._schedule.ended(time.monotonic(), swept.seconds)
            self._lag.swept(swept.seconds, bool(swept.error))
            self._tell_swept(swept)
        if self._sweeping.busy or not self._store.over:
            return
        try:
            self._intaking.tidy()
            if self._schedule.due(time.monotonic(), self._new, caught_up) and self._intaking.newest_at is not None:
                self._take_records()
                self._swept_rows, self._new = self._new, 0
                self._schedule.began(time.monotonic())
                self._sweeping.begin()
        except _STORE_TROUBLE as error:
            self._intaking.close()
            self._store.failed(error)

    def _take_records(self) -> None:
        """Account records and releases that changed since the last sweep; a bad file is said, and the old ones hold."""
        stamps = {}
        for path in (*self._watched.accounts, *self._watched.releases):
            try:
                stamps[path] = path.stat().st_mtime_ns
            except OSError as error:
                self._records.failed(error)
        changed = {path for path, stamp in stamps.items() if self._stamps.get(path) != stamp}
        if not changed:
            return
        try:
            self._intaking.take_records(
                [path for path in self._watched.accounts if path in changed],
                [path for path in self._watched.releases if path in changed],
            )
        except UsageError as error:
            self._records.failed(error)
            return
        self._stamps.update(stamps)
        self._records.went_well()

    def _tell_swept(self, swept: Swept) -> None:
        behind = [self._behind(source) for source in self._sources]
        newest = self._intaking.newest_at
        facts: dict[str, Any] = {
            "seconds": swept.seconds, "campaigns": swept.campaigns, "new_campaigns": swept.new_campaigns,
            "networks": swept.networks, "exchanges": self._swept_rows, "decided": swept.decided,
            "waiting": swept.waiting, "error": swept.error, "next_s": self._watched.rhythm.every_s,
            "rows_behind": None if any(rows is None for rows in behind) else sum(rows or 0 for rows in behind),
            "newest_age_s": None if newest is None else max(0.0, time.time() - newest),
        }  # fmt: skip
        self._tell("swept", **facts)


def _expiry(record: Record) -> None:
    expire(record, time.time())


def _findings_age(home: Path) -> float | None:
    """Seconds since the latest sweep, by the wall clock: only this once."""
    run = home / "findings" / "run.json"
    return time.time() - run.stat().st_mtime if run.is_file() else None


@contextmanager
def _only_one(home: Path) -> Iterator[None]:
    lock = locked(home, _LOCK)
    try:
        lock.__enter__()
    except UsageError as error:
        holder = error.what.partition("(")[2].rstrip(")")
        what = f"is watched already ({holder})"
        raise UsageError(str(home), what, "name all sources in one watch, or another --home") from error
    try:
        yield
    finally:
        lock.__exit__(None, None, None)


@contextmanager
def _until_told(stop: threading.Event) -> Iterator[None]:
    """SIGTERM and SIGINT end the watch after its batch; a second one ends it at once."""

    def told(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, told) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
