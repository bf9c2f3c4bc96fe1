"""Foresight: what a policy would have done to what a home holds, sweep by sweep as they would have come."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime
from pathlib import Path

from stillwatch.campaigns.looks import Look
from stillwatch.campaigns.track import Remembered
from stillwatch.decide.facts import facts_from, facts_of
from stillwatch.decide.live import exempt_accounts, wrong_campaigns
from stillwatch.decide.marks import campaign_marks
from stillwatch.decide.policy import Policy
from stillwatch.decide.record import FILE_NAME, Record
from stillwatch.decide.what_if import Outcome, Sighting, Traffic, what_if
from stillwatch.patterns import load_rules
from stillwatch.pipeline import Progress, hunt_under, open_window
from stillwatch.report.findings import as_findings, read_findings
from stillwatch.settings import Settings
from stillwatch.store import open_store


def replay(
    home: Path, *, settings: Settings, every_hours: float = 24.0, most: int = 120, progress: Progress = None,
) -> tuple[list[Sighting], Traffic]:  # fmt: skip
    """What a sweep every so often would have seen in what the home holds, the price of looking again paid.

    Account records are today's: a ban that came later is known from the start. At most `most` sweeps, evenly placed.
    """
    store = open_store(home)
    rules = load_rules([Path(p) for p in settings.patterns.packs])
    memory: list[Remembered] = []
    looks: list[Look] = []
    with open_window(store, settings) as whole:
        traffic = Traffic.of(whole)
    sightings: list[Sighting] = []
    if not len(traffic.at):
        return sightings, traffic
    first, last = float(traffic.at[0]), float(traffic.at[-1])
    steps = min(most, max(1, math.ceil((last - first) / (3600.0 * every_hours))))
    for i in range(1, steps + 1):
        until = first + (last - first) * i / steps if steps == most else min(first + i * 3600.0 * every_hours, last + 1)
        if progress:
            progress({"step": f"sweep {i} of {steps}"})
        with open_window(store, settings, until=datetime.fromtimestamp(until, UTC)) as window:
            findings = hunt_under(settings, window, rules, memory, looks).findings({})
            facts = facts_from(as_findings(findings), store.accounts())
            sightings.append(Sighting(until, facts, campaign_marks(window, facts.harvests)))
    return sightings, traffic


def foresee(
    home: Path, policy: Policy, *, settings: Settings, every_hours: float = 24.0, approval_hours: float = 4.0,
    progress: Progress = None,
) -> tuple[Outcome, int]:  # fmt: skip
    """(what a policy would have done to what the home holds, sweeps replayed); judged by the latest findings."""
    now = time.time()
    findings = read_findings(home)
    latest = facts_of(home)
    harvests = {f.campaign_id: frozenset(f.members) for f in latest.harvests}
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
