"""The one file that knows the order: take in, hunt, leave findings."""

from __future__ import annotations

import math
import platform
import resource
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path
from typing import Any

from stillwatch import __version__
from stillwatch.campaigns.calibration import Calibration
from stillwatch.campaigns.findings import Findings, accounts_table, campaigns_table, evidence_table
from stillwatch.campaigns.hunt import Hunted
from stillwatch.campaigns.hunt import hunt as hunt_window
from stillwatch.campaigns.looks import read_looks, write_looks
from stillwatch.campaigns.pictures import write_pictures
from stillwatch.campaigns.track import read_memory, recent, remember_sweep, write_memory
from stillwatch.decide.decide import Decided
from stillwatch.decide.decide import decide as decide_on
from stillwatch.decide.facts import facts_from, facts_of
from stillwatch.decide.forgetting import forget_decisions
from stillwatch.decide.live import exempt_accounts, wrong_campaigns
from stillwatch.decide.marks import campaign_marks
from stillwatch.decide.policy import Policy
from stillwatch.decide.record import FILE_NAME, Record
from stillwatch.decide.what_if import Outcome, Sighting, Traffic, what_if
from stillwatch.errors import UnknownAccount, UsageError
from stillwatch.intake import IntakeReport, take_in
from stillwatch.patterns import load_rules
from stillwatch.report.findings import as_findings, read_findings
from stillwatch.settings import Settings
from stillwatch.store import FINDINGS_LOCK, FINDINGS_WAIT, Store, expire_text, locked, newest, open_store, retire

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
    progress: Progress = None, remember: bool = True, taken: IntakeReport | None = None,
) -> Findings:  # fmt: skip
    """Hunts in what the home holds and leaves DIR/findings, DIR/history; `remember=False` leaves no trace of ids.

    `taken` is what the intake before it did, for run.json. Where a customer is forgotten meanwhile, it hunts again.
    """
    started = time.perf_counter()
    store = open_store(home)
    with suppress(UsageError), locked(home):  # whoever writes here now does it too
        expire_text(store)
        retire(store, settings.store.retention_days)
    since = since or _rolling(store, settings.campaigns.window_days, until)
    memory_file = home / "history" / "campaigns.json"
    looks_file = home / "history" / "looks.json"
    memory = recent(read_memory(memory_file), settings.store.history_days, datetime.now(UTC))
    looks = read_looks(looks_file)
    window = store.window(since, until, memory_gib=settings.store.memory_gib, threads=settings.store.threads)
    try:
        hunted = hunt_window(
            window, load_rules([Path(p) for p in settings.patterns.packs]), calibration=Calibration.load(),
            prior=settings.calibrate.prior, report_from=settings.campaigns.report_from, settings=settings.signals,
            most=settings.campaigns.max_candidates, memory=memory, looks=looks,
            tell=lambda step: progress({"step": step}) if progress else None,
        )  # fmt: skip
    finally:
        window.close()
    findings = Findings(
        campaigns_table(hunted.book, hunted.reported, hunted.calibration),
        accounts_table(hunted.book, hunted.reported, hunted.scores),
        evidence_table(hunted.book, hunted.reported, hunted.scores),
        _run(store, settings, hunted, since, until, time.perf_counter() - started, taken),
    )
    with locked(home, FINDINGS_LOCK, FINDINGS_WAIT):
        known = set(store.account_ids().column("account_id").to_pylist())
        if known.issuperset(hunted.book.ids):
            findings.write(home / "findings")
            latest = home / "history" / "latest"
            write_pictures(latest, hunted.book, hunted.reported, hunted.calibration, settings.calibrate.prior)
            if remember:
                write_memory(memory_file, memory)
                write_looks(looks_file, looks)
                swept_at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
                remember_sweep(home / "history" / "sweeps.jsonl", swept_at, findings.campaigns.to_pylist())
            return findings
    return hunt(home, settings=settings, since=since, until=until, progress=progress, remember=remember, taken=taken)


def sweep(
    home: Path, logs: Sequence[str], *, settings: Settings, dialect: str = "auto", field_map: Path | None = None,
    accounts: Sequence[str] = (), releases: Sequence[str] = (), since: datetime | None = None,
    until: datetime | None = None, progress: Progress = None,
) -> Findings:  # fmt: skip
    """Ingest plus hunt."""
    taken = ingest(home, logs, settings=settings, dialect=dialect, field_map=field_map, accounts=accounts,
                   releases=releases, progress=progress)  # fmt: skip
    return hunt(home, settings=settings, since=since, until=until, progress=progress, taken=taken)


def decide(home: Path, policy: Policy, *, now: float | None = None, settings: Settings | None = None) -> Decided:
    """Brings DIR/decisions.sqlite in line with the latest findings under a policy."""
    now = time.time() if now is None else now
    settings = settings or Settings()
    facts = facts_of(home)
    acting = [(f.campaign_id, f.members) for f in facts.findings if f.kind != "account_network"]
    marks: dict[str, tuple[int, ...]] = {}
    if acting:
        window = open_store(home).window(memory_gib=settings.store.memory_gib, threads=settings.store.threads)
        try:
            marks = campaign_marks(window, acting)
        finally:
            window.close()
    record = Record(home)
    try:
        return decide_on(record, policy, facts, now, marks=marks)
    finally:
        record.close()


def replay(
    home: Path, *, settings: Settings, every_hours: float = 24.0, most: int = 120, progress: Progress = None,
) -> tuple[list[Sighting], Traffic]:  # fmt: skip
    """What a sweep every so often would have seen in what the home holds, the price of looking again paid.

    Account records are today's: a ban that came later is known from the start. At most `most` sweeps, evenly placed.
    """
    store = open_store(home)
    rules = load_rules([Path(p) for p in settings.patterns.packs])
    calibration, memory, looks = Calibration.load(), [], []  # type: ignore[var-annotated]
    whole = store.window(memory_gib=settings.store.memory_gib, threads=settings.store.threads)
    try:
        traffic = Traffic.of(whole)
    finally:
        whole.close()
    sightings: list[Sighting] = []
    if not len(traffic.at):
        return sightings, traffic
    first, last = float(traffic.at[0]), float(traffic.at[-1])
    steps = min(most, max(1, math.ceil((last - first) / (3600.0 * every_hours))))
    for i in range(1, steps + 1):
        until = first + (last - first) * i / steps if steps == most else min(first + i * 3600.0 * every_hours, last + 1)
        if progress:
            progress({"step": f"sweep {i} of {steps}"})
        window = store.window(None, datetime.fromtimestamp(until, UTC), memory_gib=settings.store.memory_gib,
                              threads=settings.store.threads)  # fmt: skip
        try:
            hunted = hunt_window(
                window, rules, calibration=calibration, prior=settings.calibrate.prior, settings=settings.signals,
                report_from=settings.campaigns.report_from, most=settings.campaigns.max_candidates, memory=memory,
                looks=looks,
            )  # fmt: skip
            tables = (
                campaigns_table(hunted.book, hunted.reported, hunted.calibration),
                accounts_table(hunted.book, hunted.reported, hunted.scores),
                evidence_table(hunted.book, hunted.reported, hunted.scores),
            )
            facts = facts_from(as_findings(Findings(*tables, {})), store.accounts())
            acting = [(f.campaign_id, f.members) for f in facts.findings if f.kind != "account_network"]
            sightings.append(Sighting(until, facts, campaign_marks(window, acting) if acting else {}))
        finally:
            window.close()
    return sightings, traffic


def foresee(
    home: Path, policy: Policy, *, settings: Settings, every_hours: float = 24.0, approval_hours: float = 4.0,
    progress: Progress = None,
) -> tuple[Outcome, int]:  # fmt: skip
    """(what a policy would have done to what the home holds, sweeps replayed); judged by the latest findings."""
    now = time.time()
    findings = read_findings(home)
    latest = facts_of(home)
    harvests = {f.campaign_id: frozenset(f.members) for f in latest.findings if f.kind != "account_network"}
    table = findings.accounts
    score = dict(zip(table.column("account_id").to_pylist(), table.column("score").to_pylist(), strict=True))
    exempt: set[str] = {a for a, (_, until) in latest.agreed.items() if until is None or until > now}
    wrong: set[str] = set()
    if (home / FILE_NAME).is_file():
        record = Record(home, create=False)
        exempt |= exempt_accounts(record, now)
        wrong = wrong_campaigns(record)
        record.close()
    sightings, traffic = replay(home, settings=settings, every_hours=every_hours, progress=progress)
    outcome = what_if(
        policy, sightings, traffic, harvests, lambda a: (score.get(a) or 0.0) < 20.0 or a in exempt,
        approval_hours=approval_hours, exempt=exempt, wrong=wrong,
    )  # fmt: skip
    return outcome, len(sightings)


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
        "looks_price_bits": hunted.price_bits,
        "expected_false_campaigns": sum(1.0 - r.chosen.p for r in hunted.reported),
        "durations": durations,
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0,
    }  # fmt: skip


def _rfc3339(at: datetime | None) -> str | None:
    if at is None:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC).isoformat().replace("+00:00", "Z")
