"""The one file that knows the order: take in, hunt, leave findings."""

from __future__ import annotations

import platform
import resource
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path
from typing import Any

from stillwatch import __version__
from stillwatch.campaigns.calibration import Calibration
from stillwatch.campaigns.findings import Findings
from stillwatch.campaigns.hunt import Hunted
from stillwatch.campaigns.hunt import hunt as hunt_window
from stillwatch.campaigns.looks import Look, read_looks, write_looks
from stillwatch.campaigns.near import write_near
from stillwatch.campaigns.pictures import write_pictures
from stillwatch.campaigns.track import SWEEPS_FILE, Remembered, read_memory, recent, remember_sweep, write_memory
from stillwatch.decide.decide import Decided
from stillwatch.decide.decide import decide as decide_on
from stillwatch.decide.facts import facts_of
from stillwatch.decide.forgetting import forget_decisions
from stillwatch.decide.marks import campaign_marks
from stillwatch.decide.policy import Policy
from stillwatch.decide.record import FILE_NAME, Record
from stillwatch.errors import UnknownAccount, UsageError
from stillwatch.intake import IntakeReport, take_in
from stillwatch.patterns import load_rules
from stillwatch.records.rules import Rule
from stillwatch.settings import Settings
from stillwatch.store import (
    FINDINGS_LOCK,
    FINDINGS_WAIT,
    WRITE_WAIT,
    Store,
    expire_text,
    locked,
    newest,
    open_store,
    retire,
)
from stillwatch.store.window import Window

Progress = Callable[[dict[str, Any]], None] | None


def ingest(
    home: Path, logs: Sequence[str], *, settings: Settings, dialect: str = "auto", field_map: Path | None = None,
    accounts: Sequence[str] = (), releases: Sequence[str] = (), progress: Progress = None,
) -> IntakeReport:  # fmt: skip
    """Takes logs, account records and releases into the home; only what is new is read."""
    return take_in(
        home, logs, dialect=dialect, field_map=field_map, accounts=accounts, releases=releases,
        max_malformed_share=settings.ingest.max_malformed_share, keep_text_days=settings.ingest.keep_text_days,
        rules=load_rules([Path(p) for p in settings.patterns.packs]), progress=progress,
    )  # fmt: skip


def hunt(
    home: Path, *, settings: Settings, since: datetime | None = None, until: datetime | None = None,
    progress: Progress = None, remember: bool = True, taken: IntakeReport | None = None, session: Any = None,
) -> Findings:  # fmt: skip
    """Hunts in what the home holds and leaves DIR/findings, DIR/history; `remember=False` leaves no trace of ids.

    With a Spark `session` its executors read the window. `taken` is what the intake before it did, for run.json. Where
    a customer is forgotten meanwhile, it hunts again.
    """
    started = time.perf_counter()
    store = open_store(home)
    with suppress(UsageError), locked(home, wait=WRITE_WAIT):  # whoever writes here for longer does it too
        expire_text(store)
        retire(store, settings.store.retention_days)
    since = since or _rolling(store, settings.campaigns.window_days, until)
    memory_file = home / "history" / "campaigns.json"
    looks_file = home / "history" / "looks.json"
    memory = recent(read_memory(memory_file), settings.store.history_days, datetime.now(UTC))
    looks = read_looks(looks_file)
    rules = load_rules([Path(p) for p in settings.patterns.packs])
    with open_window(store, settings, since, until, session) as window:
        tell = (lambda step: progress({"step": step})) if progress else (lambda step: None)
        hunted = hunt_under(settings, window, rules, memory, looks, tell)
    tables = hunted.findings({})
    seconds = time.perf_counter() - started
    findings = replace(tables, run=_run(store, settings, hunted, since, until, seconds, taken))
    with locked(home, FINDINGS_LOCK, FINDINGS_WAIT):
        known = set(store.account_ids().column("account_id").to_pylist())
        if known.issuperset(hunted.book.ids):
            findings.write(home / "findings")
            latest = home / "history" / "latest"
            prior = settings.calibrate.prior
            write_pictures(latest, hunted.book, hunted.reported, hunted.calibration, prior)
            write_near(latest, hunted.book, hunted.candidates, hunted.weighed, hunted.reported,
                       hunted.calibration.guilt(hunted.weighed, prior))  # fmt: skip
            if remember:
                write_memory(memory_file, memory)
                write_looks(looks_file, looks)
                swept_at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
                remember_sweep(home / SWEEPS_FILE, swept_at, findings.campaigns.to_pylist())
            return findings
    return hunt(home, settings=settings, since=since, until=until, progress=progress, remember=remember, taken=taken,
                session=session)  # fmt: skip


def open_window(
    store: Store, settings: Settings, since: datetime | None = None, until: datetime | None = None, session: Any = None
) -> closing[Window]:
    """A span of a store within the memory and threads that the settings allow, to be used in a `with`.

    With a Spark `session` its executors read it.
    """
    if session is not None:
        from stillwatch.spark.tables import window_on_spark

        return closing(window_on_spark(session, store, since, until))
    memory_gib, threads = settings.store.memory_gib, settings.store.threads
    return closing(store.window(since, until, memory_gib=memory_gib, threads=threads))


def hunt_under(
    settings: Settings, window: Window, rules: Sequence[Rule], memory: list[Remembered], looks: list[Look],
    tell: Callable[[str], None] = lambda step: None,
) -> Hunted:  # fmt: skip
    """Hunts in a window under the settings; `memory` and `looks` are brought up to date in place."""
    return hunt_window(
        window, rules, calibration=Calibration.load(), prior=settings.calibrate.prior, settings=settings.signals,
        report_from=settings.campaigns.report_from, most=settings.campaigns.max_candidates, memory=memory, looks=looks,
        tell=tell,
    )  # fmt: skip


def sweep(
    home: Path, logs: Sequence[str], *, settings: Settings, dialect: str = "auto", field_map: Path | None = None,
    accounts: Sequence[str] = (), releases: Sequence[str] = (), since: datetime | None = None,
    until: datetime | None = None, progress: Progress = None,
) -> Findings:  # fmt: skip
    """Ingest plus hunt."""
    taken = ingest(home, logs, settings=settings, dialect=dialect, field_map=field_map, accounts=accounts,
                   releases=releases, progress=progress)  # fmt: skip
    return hunt(home, settings=settings, since=since, until=until, progress=progress, taken=taken)


def sweep_on_spark(
    home: Path, logs: Sequence[Any], *, engine: Any, settings: Settings, accounts: Sequence[str] = (),
    releases: Sequence[str] = (), since: datetime | None = None, until: datetime | None = None,
    progress: Progress = None,
) -> Findings:  # fmt: skip
    """`sweep` with Spark as the engine: a master's address, or a SparkSession that is there already.

    `logs` are Parquet by a path that the executors see, addresses (s3a://...), `table:NAME` or Spark frames, in the
    contract's columns. What it leaves in the home is what `sweep` leaves. See docs/spark.md.
    """
    from stillwatch.spark.session import spark_session

    with spark_session(engine) as session:
        from stillwatch.spark.intake import take_in_on_spark

        if progress:
            progress({"step": "reading on Spark"})
        taken = take_in_on_spark(
            session, home, logs, accounts=accounts, releases=releases, place=settings.spark.place,
            max_malformed_share=settings.ingest.max_malformed_share, keep_text_days=settings.ingest.keep_text_days,
            rules=load_rules([Path(p) for p in settings.patterns.packs]),
        )  # fmt: skip
        return hunt(home, settings=settings, since=since, until=until, progress=progress, taken=taken, session=session)


def decide(home: Path, policy: Policy, *, now: float | None = None, settings: Settings | None = None) -> Decided:
    """Brings DIR/decisions.sqlite in line with the latest findings under a policy."""
    now = time.time() if now is None else now
    settings = settings or Settings()
    facts = facts_of(home)
    marks: dict[str, tuple[int, ...]] = {}
    if facts.harvests:
        with open_window(open_store(home), settings) as window:
            marks = campaign_marks(window, facts.harvests)
    record = Record(home)
    try:
        return decide_on(record, policy, facts, now, marks=marks)
    finally:
        record.close()


def forget(home: Path, account_id: str) -> dict[str, Any]:
    """Removes a customer from the decisions, the store and the findings; says what it touched.

    The ledger forgets the name last, so that after a kill the same command still finds what is left.
    """
    decided = 0
    if (home / FILE_NAME).is_file():
        record = Record(home)
        try:
            decided = forget_decisions(record, account_id, time.time())
        finally:
            record.close()
    try:
        touched = open_store(home).forget(account_id)
    except UnknownAccount:
        if not decided:
            raise
        touched = {}
    return {**touched, "decisions": decided}


def _rolling(store: Store, days: float, until: datetime | None) -> datetime | None:
    """Where a window begins that `--since` does not begin: so many days before its end; None: with the store."""
    end = until or newest(store)
    return end - timedelta(days=days) if days > 0 and end is not None else None


def _run(
    store: Store, settings: Settings, hunted: Hunted, since: datetime | None, until: datetime | None, seconds: float,
    taken: IntakeReport | None,
) -> dict[str, Any]:  # fmt: skip
    durations = {"hunt_seconds": seconds}
    inputs = store.inputs()
    passed: list[dict[str, Any]] = []
    if taken is not None:
        durations["ingest_seconds"] = taken.seconds
        inputs += [store.input_line("-", file) for file in taken.files if file["path"] == "-"]
        passed = [{"path": file["path"], "why": file["skipped"]} for file in taken.files if file.get("skipped")]
    packages = ("pyarrow", "duckdb", "ibis-framework", "numpy", "numba", "hyperscan", "scipy")
    return {
        "stillwatch": __version__, "python": platform.python_version(),
        "versions": {name: metadata.version(name) for name in packages},
        "settings": settings.as_dict(), "settings_sha256": settings.sha256(),
        "calibration": hunted.calibration.version, "prior": settings.calibrate.prior,
        "inputs": inputs, "passed_over": passed, "accounts_file": dict(taken.accounts) if taken else {},
        "releases_file": dict(taken.releases) if taken else {}, "rows": store.totals(), "missing": store.missing(),
        "known": hunted.book.known, "since": _rfc3339(since), "until": _rfc3339(until),
        "accounts": hunted.book.accounts, "groups_weighed": len(hunted.candidates),
        "foreign_campaigns": len(hunted.book.foreign.confidence),
        "looks_price_bits": hunted.price_bits,
        "expected_false_campaigns": sum(1.0 - r.chosen.p for r in hunted.reported),
        "durations": durations,
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0,
    }  # fmt: skip


def _rfc3339(at: datetime | None) -> str | None:
    if at is None:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC).isoformat().replace("+00:00", "Z")
