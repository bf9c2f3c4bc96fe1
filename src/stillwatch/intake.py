"""Logs in, narrow tables out: reads, drops what is there already, sketches, and stores in chunks that are whole."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.arrow_types import arrow_schema
from stillwatch.errors import UsageError
from stillwatch.ingest import Dialect, FileInput, Input, Taken, find_sources, read_field_map
from stillwatch.ingest.dialects import dialect_named
from stillwatch.ingest.records import Records, read_accounts, read_releases
from stillwatch.records.rules import Rule
from stillwatch.records.tables import EXCHANGE, KEPT_ACCOUNT
from stillwatch.store import Chunk, Store, Writer, add_names, expire_text, open_store

Progress = Callable[[dict[str, Any]], None] | None

CHUNK_ROWS = 1 << 17
"""Rows that are committed together."""
CHUNK_TEXT_BYTES = 256 << 20
"""Text that is kept fills memory before rows do: no more of it waits."""
_AHEAD = 3
_BACK_US = 3_600_000_000
_CLOCK = "started_at: clock"
_TEXT = ("exchange_id", "account_id", "started_at", "messages", "prompt", "system", "completion")
_BOUND = 200
_MAP_HINT = "say what the log is with --format, or map its fields with --map FILE (docs/ingest.md)"
#: Kept column to (contract column, hash domain): the domain of the exchange column it may meet, else its own.
_HASHED = {
    "org": ("org_id", "org"), "email_domain": ("email_domain", "email_domain"), "email": ("email_hash", "email"),
    "phone": ("phone_hash", "phone"), "payment": ("payment_fingerprint", "payment"),
    "device": ("device_fingerprint", "device"), "referrer": ("referrer", "referrer"),
}  # fmt: skip


@dataclass(frozen=True)
class IntakeReport:
    """What one intake did. Counts are of this run; `missing`: contract column to kept rows that lack it."""

    read: int = 0
    kept: int = 0
    quarantined: int = 0
    duplicates: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    files: Sequence[Mapping[str, Any]] = ()
    missing: Mapping[str, int] = field(default_factory=dict)
    unknown_fields: Mapping[str, int] = field(default_factory=dict)
    set_unknown: Mapping[str, int] = field(default_factory=dict)
    accounts: Mapping[str, Any] = field(default_factory=dict)
    releases: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


def take_in(
    home: Path, logs: Sequence[str], *, dialect: str = "auto", field_map: Path | None = None,
    accounts: Sequence[str | Path] = (), releases: Sequence[str | Path] = (), max_malformed_share: float = 0.05,
    keep_text_days: float = 0.0, rules: Sequence[Rule] = (), progress: Progress = None,
) -> IntakeReport:  # fmt: skip
    """Takes logs, account records and releases into `home`; only what is new is read.

    UsageError where an input is not there or unreadable, a map or format is wrong, another process writes here, or
    more than `max_malformed_share` of the rows are malformed: then nothing of the run is kept. OutsideError where
    the disk fails. Killed at any point, the next call goes on where this one was.
    """
    started = time.perf_counter()
    spoken = read_field_map(Path(field_map)) if field_map is not None else dialect_named(dialect)
    sources = find_sources(logs, leave=[Path(home), *(Path(path) for path in (*accounts, *releases))])
    beside = Beside.read(accounts, releases, max_malformed_share)
    store = open_store(Path(home), create=True)
    try:
        with Writer(store) as writer:
            now = int(time.time() * 1e6)
            expire_text(store)
            run = Run(store, writer, rules, keep_text_days, progress)
            for source in sources:
                run.take(FileInput(source), spoken)
            run.flush()
            _judge_clock(writer, now)
            _judge(writer, run, max_malformed_share)
            _look_for_a_log(writer, run)
            told = beside.keep(store, now)
            writer.finish()
        return IntakeReport(
            **{name: run.counts.get(name, 0) for name in ("read", "kept", "quarantined", "duplicates")},
            reasons=dict(run.reasons.most_common()), files=run.files, missing=dict(run.missing),
            unknown_fields=dict(run.unknown.most_common()), set_unknown=dict(run.set_unknown),
            accounts=told["accounts"], releases=told["releases"], seconds=time.perf_counter() - started,
        )  # fmt: skip
    finally:
        store.close()


@dataclass(frozen=True)
class Beside:
    """The records that lie beside the logs: accounts and releases, read and judged, not yet kept."""

    people: list[tuple[str | Path, Records]]
    models: list[tuple[str | Path, Records]]

    @classmethod
    def read(cls, accounts: Sequence[str | Path], releases: Sequence[str | Path], most: float) -> Beside:
        """Reads them; UsageError where more than the share `most` of a file's records is malformed."""
        people = [(path, read_accounts(Path(path))) for path in accounts]
        models = [(path, read_releases(Path(path))) for path in releases]
        for path, records in (*people, *models):
            _judge_records(path, records, most)
        return cls(people, models)

    def keep(self, store: Store, now: int) -> dict[str, Any]:
        """Takes them into the ledger as read at `now` (microseconds); returns what an intake tells of them."""
        changed = sum(
            store.ledger.update_accounts(keep_accounts(p.table, store.key), [_kept_names(g) for g in p.given], now)
            for _, p in self.people
        )
        released = sum(store.ledger.update_releases(p.table, now) for _, p in self.models)
        return {"accounts": _told(self.people, changed), "releases": _told(self.models, released)}


def take_records(
    writer: Writer, accounts: Sequence[str | Path], releases: Sequence[str | Path], max_malformed_share: float = 0.05
) -> int:
    """Takes account records and releases in, inside the writer's lock; says how many changed. Raises as `take_in`."""
    told = Beside.read(accounts, releases, max_malformed_share).keep(writer.store, int(time.time() * 1e6))
    return sum(int(part.get("changed", 0)) for part in told.values())


def keep_accounts(table: pa.Table, key: bytes) -> pa.Table:
    """Account records (ACCOUNT) as they are stored (KEPT_ACCOUNT): identifiers hashed, free text bounded."""
    from stillwatch.sketch.identifiers import canonical_addresses, hash_identifiers, networks

    columns: list[Any] = []
    for name in arrow_schema(KEPT_ACCOUNT).names:
        if name in _HASHED:
            given, domain = _HASHED[name]
            columns.append(hash_identifiers(_whole(table.column(given)), domain, key))
        elif name == "signup_ip":
            columns.append(hash_identifiers(canonical_addresses(_whole(table.column(name))), "ip", key))
        elif name == "signup_net":
            columns.append(hash_identifiers(networks(_whole(table.column("signup_ip"))), "net", key))
        elif name == "email_shape":
            local = pc.replace_substring_regex(table.column(name), r"(?s)@.*", "")
            letters = pc.replace_substring_regex(pc.utf8_slice_codeunits(local, 0, _BOUND), r"[\pL\pM]", "a")
            columns.append(pc.replace_substring_regex(pc.replace_substring_regex(letters, r"\pN", "9"), r"\pC", " "))
        elif pa.types.is_string(table.column(name).type) and name != "account_id":
            bounded = pc.utf8_slice_codeunits(table.column(name), 0, _BOUND)
            columns.append(pc.replace_substring_regex(bounded, r"[\x00-\x1f\x7f]+", " "))
        else:
            columns.append(table.column(name))
    return pa.table(columns, schema=arrow_schema(KEPT_ACCOUNT))


class Run:
    """One run over the inputs: batches are read and counted in order here, sketched on two threads beside."""

    def __init__(
        self, store: Store, writer: Writer, rules: Sequence[Rule], keep_text_days: float, progress: Progress = None,
        *, known: Mapping[str, dict[str, Any]] | None = None, compiled: Any = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:  # fmt: skip
        self.store, self.writer, self.rules, self.progress = store, writer, rules, progress
        self.compiled, self.stop = compiled, stop
        self.text_until = None
        if keep_text_days > 0:
            self.text_until = (datetime.now(UTC) + timedelta(days=keep_text_days)).strftime("%Y%m%dT%H%M%SZ")
        self.counts: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()
        self.set_unknown: Counter[str] = Counter()
        self.missing: Counter[str] = Counter()
        self.files: list[dict[str, Any]] = []
        self.chunk = Chunk()
        self.places = store.ledger.positions() if known is None else dict(known)

    def take(self, source: Input, dialect: Dialect | None) -> None:
        """One input, from where it was left to its end, or until `stop` says so: then up to a batch's end."""
        if source.passed is not None:
            self.files.append({"path": source.label, "read": 0, "skipped": source.passed})
            return
        start = source.start(self.places.get(source.label) if source.remembered else None)
        if start is None:
            self.files.append({"path": source.label, "unchanged": True, "read": 0})
            return
        result: dict[str, Any] = {"path": source.label, "read": 0, "kept": 0, "quarantined": 0, "duplicates": 0}
        result["sha256"] = result["dialect"] = result["defect"] = None
        self.files.append(result)
        last = start
        with ThreadPoolExecutor(2) as pool:
            waiting: deque[tuple[Future[Any] | None, pa.RecordBatch, Taken, dict[str, Any]]] = deque()
            for taken in source.read(start, dialect):
                if taken.skipped:
                    result["skipped"] = "no log format was recognised"
                    return
                fresh, last = self._count(taken, last, result)
                waiting.append((self._sketched(pool, fresh), fresh, taken, last))
                while len(waiting) >= _AHEAD:
                    self._store(*waiting.popleft(), source)
                if self.stop():
                    break
            while waiting:
                self._store(*waiting.popleft(), source)

    def _sketched(self, pool: ThreadPoolExecutor, fresh: pa.RecordBatch) -> Future[Any] | None:
        """The sketch of a batch, begun. Rules are compiled for the first: it takes long, and most reruns read none."""
        if not len(fresh):
            return None
        if self.compiled is None:
            self.compiled = self._compiled()
        return pool.submit(self._sketch, fresh, self.writer.account_numbers(fresh.column("account_id")))

    def _compiled(self) -> Any:
        from stillwatch.sketch import compile_rules

        return compile_rules(tuple(self.rules))

    def _sketch(self, batch: pa.RecordBatch, numbers: Any) -> Any:
        from stillwatch.sketch import sketch_batch

        return sketch_batch(batch, numbers, self.store.key, self.compiled)

    def _count(
        self, taken: Taken, last: dict[str, Any], result: dict[str, Any]
    ) -> tuple[pa.RecordBatch, dict[str, Any]]:
        """The rows of a batch that are not in the store yet, and the position behind it."""
        new = self.writer.seen.add(taken.batch.column("exchange_id"))
        fresh = taken.batch if new.all() else taken.batch.filter(pa.array(new))
        bad, twice = sum(defect.rows for defect in taken.defects), len(taken.batch) - len(fresh)
        for counter in (result, moved := dict(last)):
            counter["kept"] = counter.get("kept", 0) + len(fresh)
            counter["quarantined"] = counter.get("quarantined", 0) + bad
            counter["duplicates"] = counter.get("duplicates", 0) + twice
        result.update({name: taken.at[name] for name in ("rows", "sha256") if name in taken.at})
        result["read"] += len(taken.batch) + bad
        result["dialect"] = taken.dialect
        moved.update(taken.at, dialect=taken.dialect)
        if "rows" in taken.at:
            moved["defect"] = None
        if taken.torn:
            moved["defect"] = result["defect"] = "last line is cut off"
        for defect in taken.defects:
            if defect.sha256 is None or defect.reason == "last line is cut off":
                moved["defect"] = result["defect"] = defect.key
        return fresh, moved

    def _store(
        self, sketched: Future[Any] | None, batch: pa.RecordBatch, taken: Taken, moved: dict[str, Any], source: Input
    ) -> None:
        chunk = self.chunk
        bad = sum(defect.rows for defect in taken.defects)
        if sketched is not None:
            out = sketched.result()
            chunk.kept.append(out.kept)
            chunk.fingerprints.append(out.fingerprints)
            chunk.turns.append(out.turns)
            if self.text_until is not None:
                chunk.texts.append(texts := batch.select(_TEXT))
                chunk.text_bytes += texts.nbytes
        counts = Counter(
            read=len(taken.batch) + bad, kept=len(batch), quarantined=bad, duplicates=len(taken.batch) - len(batch)
        )
        reasons: Counter[str] = Counter()
        for defect in taken.defects:
            reasons[defect.key] += defect.rows
        missing = Counter(missing_columns(batch))
        chunk.counts += counts
        chunk.reasons += reasons
        chunk.missing += missing
        add_names(chunk.unknown_fields, taken.unknown)
        chunk.set_unknown += taken.dropped
        chunk.quarantine += [defect.as_dict(source.label) for defect in taken.defects]
        if source.remembered:
            chunk.positions[source.label] = moved
        self.counts += counts
        self.reasons += reasons
        self.missing += missing
        add_names(self.unknown, taken.unknown)
        self.set_unknown += taken.dropped
        if self.progress is not None:
            self.progress({"step": "reading", "rows": self.counts["read"], "file": Path(source.label).name})
        if (
            max(chunk.rows, len(chunk.quarantine), chunk.counts["read"] // 4) >= CHUNK_ROWS
            or chunk.text_bytes >= CHUNK_TEXT_BYTES
        ):
            self.flush()

    def flush(self) -> None:
        """Commits what is waiting."""
        if self.chunk.counts or self.chunk.positions:
            self.writer.commit(self.chunk, self.text_until)
            self.places.update(self.chunk.positions)
        self.chunk = Chunk()


def _judge_clock(writer: Writer, now: int) -> None:
    """Takes the run back where rows seem to come from the future and it is the clock that went back: they'd be lost."""
    last = writer.ledger.last_written_at()
    if last - now < _BACK_US or not writer.totals.get("reasons", {}).get(_CLOCK):
        return
    writer.take_back()
    then = datetime.fromtimestamp(last / 1e6, UTC)
    what = f"stands before the last run here ({then:%Y-%m-%dT%H:%MZ}), so rows of today seem to be in the future"
    what += "; nothing of this run is kept"
    raise UsageError("clock of this machine", what, "set the clock, then run it again")


def _judge(writer: Writer, run: Run, most: float) -> None:
    """Takes the run back where too much of it was malformed. What a killed run read before counts with it."""
    read, bad = writer.totals.get("read", 0), writer.totals.get("quarantined", 0)
    if not read or bad <= most * read:
        return
    reason, count = Counter(writer.totals.get("reasons", {})).most_common(1)[0]
    names = ", ".join(run.unknown) if len(run.unknown) <= 8 else ", ".join([*list(run.unknown)[:8], "..."])
    writer.take_back()
    hint = _MAP_HINT
    if names:
        hint += f"; it has the fields {names}"
    raise UsageError(
        "LOGS", f"{bad:,} of {read:,} rows are malformed, most often {reason} ({count:,}); nothing of this run is kept",
        hint,
    )  # fmt: skip


def _look_for_a_log(writer: Writer, run: Run) -> None:
    """Takes the run back where every input was passed over: a sweep of nothing must not look like a clean one."""
    passed = [file for file in run.files if file.get("skipped")]
    if not passed or len(passed) < len(run.files):
        return
    writer.take_back()
    names = ", ".join(Path(file["path"]).name for file in passed[:3])
    what = f"no log was recognised in {len(passed)} file(s) ({names}{', ...' if len(passed) > 3 else ''})"
    raise UsageError("LOGS", what, _MAP_HINT)


def _judge_records(path: str | Path, records: Records, most: float) -> None:
    if records.quarantined <= most * records.read:
        return
    reason, count = Counter(records.reasons).most_common(1)[0]
    what = f"{records.quarantined:,} of {records.read:,} records are malformed, most often {reason} ({count:,})"
    raise UsageError(str(path), f"{what}; nothing of this run is kept", "mend it; docs/contract.md has its columns")


def missing_columns(batch: pa.RecordBatch) -> dict[str, int]:
    """Contract column to the rows of a batch that lack it.

    A prompt or a system prompt inside `messages` is not lacking.
    """
    out = {name: batch.column(name).null_count for name in (column.name for column in EXCHANGE)}
    talk = batch.column("messages").is_null()
    for name in ("prompt", "system"):
        out[name] = int(pc.sum(pc.and_(talk, batch.column(name).is_null())).as_py() or 0)
    return {name: count for name, count in out.items() if count}


@cache
def _kept_names(given: frozenset[str]) -> frozenset[str]:
    names = {kept for kept, (contract, _) in _HASHED.items() if contract in given}
    both = {"signup_net"} if "signup_ip" in given else set()
    return frozenset(names | both | (given & set(arrow_schema(KEPT_ACCOUNT).names)))


def _told(files: Sequence[tuple[Any, Records]], changed: int) -> dict[str, Any]:
    if not files:
        return {}
    told: dict[str, Any] = {"read": 0, "kept": 0, "quarantined": 0, "changed": changed}
    nested = {name: Counter[str]() for name in ("reasons", "set_unknown", "unknown_fields")}
    for _, records in files:
        told["read"] += records.read
        told["kept"] += records.table.num_rows
        told["quarantined"] += records.quarantined
        for name, more in zip(nested, (records.reasons, records.set_unknown, records.unknown), strict=True):
            nested[name].update(more)
    return {**told, **{name: dict(counter.most_common()) for name, counter in nested.items()}}


def _whole(column: pa.ChunkedArray) -> pa.Array:
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.nulls(0, column.type)

