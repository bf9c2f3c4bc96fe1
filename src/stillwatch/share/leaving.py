"""What may leave of a finding: chosen field by field, counts as intervals, small cells suppressed. Nothing else can."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from stillwatch.decide.marks import Mark, marks_by_kind
from stillwatch.errors import UsageError
from stillwatch.report.findings import Findings, read_findings
from stillwatch.settings import Settings
from stillwatch.share.intervals import Between, lower_bounds, rounded
from stillwatch.share.words import ATLAS, KINDS
from stillwatch.signals import all_signals
from stillwatch.store import open_store
from stillwatch.store.indicators import Indicators

#: Smaller counts are not told, and a mark that fewer accounts sent is not given: it could be one customer's own words.
SMALLEST_CELL = 10
_SIGN_FROM_BITS = 1.0
_LIKE_A_NUMBER = re.compile(r"\d{13}")
#: What is harvested, in the words of findings and nothing else: a title or a target of another wording stays here.
TARGETS = (
    "reasoning traces", "cleaned reasoning traces", "ways round safeguards", "grades and preferences (a reward model)",
    "training tasks", "censorship-safe rewrites", "agentic trajectories", "one narrow capability",
    "answers to a task list", "live service for another vendor's users", "stored sessions of another service",
)  # fmt: skip


@dataclass(frozen=True)
class Leaving:
    """One campaign or network as others may see it. `accounts` and `exchanges` are None where the cell is small."""

    alias: str
    kind: str
    first_seen: datetime
    last_seen: datetime
    accounts: Between | None
    exchanges: Between | None
    score: Between
    admiralty: str
    targets: tuple[str, ...]
    techniques: tuple[str, ...]
    signs: tuple[str, ...]
    """Kinds of evidence of a bit or more."""
    marks: tuple[tuple[str, int], ...]
    """(kind, unsigned 64-bit value) of templates that ten of its accounts or more sent, all but a few whose sixteen
    digits could be taken for a card's or a telephone's number."""


def leaving(home: Path, campaign_ids: Sequence[str], settings: Settings) -> list[Leaving]:
    """The named campaigns of the latest findings, as they may leave. UsageError where one is not there."""
    findings = read_findings(home)
    rows = {row["campaign_id"]: row for row in findings.campaign_rows()}
    gone = [c for c in campaign_ids if c not in rows]
    if gone:
        raise UsageError(gone[0][:60], "there is no such campaign", "stillwatch campaigns lists them")
    wanted = [rows[c] for c in dict.fromkeys(campaign_ids)]
    harvests = [(r["campaign_id"], r["account_ids"] or []) for r in wanted if r["kind"] != "account_network"]
    marks: Mapping[str, tuple[Mark, ...]] = {}
    if harvests:
        store = open_store(home)
        window = store.window(memory_gib=settings.store.memory_gib, threads=settings.store.threads)
        try:
            marks = marks_by_kind(window, harvests)
        finally:
            window.close()
            store.close()
    aliases = aliases_of(home, [r["campaign_id"] for r in wanted])
    return [_one(row, findings, aliases[row["campaign_id"]], marks.get(row["campaign_id"], ())) for row in wanted]


def aliases_of(home: Path, campaign_ids: Iterable[str]) -> dict[str, str]:
    """Names for other eyes: keyed, since a campaign's own id is a hash of its accounts. Once given, a name stays."""
    kept = Indicators(home)
    try:
        key = (Path(home) / "secret.key").read_bytes()
        known = {r["campaign_id"]: str(r["alias"]) for r in kept.rows("SELECT campaign_id, alias FROM aliases")}
        with kept.act() as db:
            for campaign in campaign_ids:
                if campaign not in known:
                    digest = hmac.new(key, b"shared campaign\0" + campaign.encode(), hashlib.sha256).hexdigest()
                    known[campaign] = f"{'NET' if campaign.startswith('N-') else 'DIST'}-{digest[:12].upper()}"
                    db.execute("INSERT INTO aliases VALUES(?, ?)", (campaign, known[campaign]))
    finally:
        kept.close()
    return known


def _one(row: Mapping[str, Any], findings: Findings, alias: str, marks: Sequence[Mark]) -> Leaving:
    accounts, exchanges, score = int(row["accounts"] or 0), int(row["exchanges"] or 0), float(row["score"] or 0.0)
    kind = str(row["kind"])
    if kind not in KINDS:
        raise UsageError(alias, "is of a kind that has no place in what is shared", "another version wrote it")
    small, least = accounts < SMALLEST_CELL, lower_bounds(findings, row)
    families = {s.family for s in all_signals()}
    evidence = findings.evidence_of("campaign", row["campaign_id"])
    signs = {e["family"] for e in evidence if (e["weight_bits"] or 0.0) >= _SIGN_FROM_BITS and e["family"] in families}
    return Leaving(
        alias, kind, _day(row["first_seen"]), _day(row["last_seen"]) + timedelta(days=1),
        None if small else rounded(least[0], accounts), None if small else rounded(least[1], exchanges),
        Between(int(score // 5 * 5), min(int(score // 5 * 5) + 5, 100)), "B2" if score >= 80 else "B3",
        tuple(t for t in TARGETS if t in (row["targets"] or ())),
        tuple(t for t in ATLAS if t in (row["techniques"] or ())),
        tuple(sorted(signs)),
        () if small else tuple(
            (m.kind, m.value) for m in marks
            if m.holders >= SMALLEST_CELL and not _LIKE_A_NUMBER.search(f"{m.value:016x}")
        ),
    )  # fmt: skip


def _day(at: datetime) -> datetime:
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
