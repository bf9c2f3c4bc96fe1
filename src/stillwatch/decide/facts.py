"""What a policy is asked about: the latest findings, and what is known of the customers in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from stillwatch.report.findings import Findings, read_findings
from stillwatch.store import open_store

#: A kind of evidence counts from this many bits against the actor.
COUNTS_FROM_BITS = 1.0


@dataclass(frozen=True)
class Finding:
    """A reported campaign or network. Scores are percent, `families` the kinds of evidence of a bit or more."""

    campaign_id: str
    kind: str
    title: str
    score: float
    conduct: float
    coordination: float
    false_alarm_rate: float
    families: frozenset[str]
    members: tuple[str, ...]
    exchanges: int


@dataclass(frozen=True)
class Facts:
    """Findings, customer kinds, account scores (percent), and records' own agreements (reason, until or None)."""

    findings: tuple[Finding, ...]
    kinds: Mapping[str, str] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    agreed: Mapping[str, tuple[str, float | None]] = field(default_factory=dict)

    @property
    def harvests(self) -> tuple[Finding, ...]:
        """What may be acted on: all findings but account networks, whose customers harvest nothing."""
        return tuple(f for f in self.findings if f.kind != "account_network")


def facts_of(home: Path) -> Facts:
    """The latest sweep's findings in a home with its account records. UsageError where nothing was swept yet."""
    findings = read_findings(home)
    store = open_store(home)
    try:
        return facts_from(findings, store.accounts())
    finally:
        store.close()


def facts_from(findings: Findings, accounts: pa.Table) -> Facts:
    """The same from findings in memory and account records in KEPT_ACCOUNT."""
    families: dict[str, set[str]] = {}
    evidence = findings.evidence
    for actor, kind, family, bits in zip(
        *(evidence.column(name).to_pylist() for name in ("actor_id", "actor_kind", "family", "weight_bits")),
        strict=True,
    ):
        if kind == "campaign" and bits is not None and bits >= COUNTS_FROM_BITS:
            families.setdefault(actor, set()).add(family)
    found = tuple(_finding(row, frozenset(families.get(row["campaign_id"], ()))) for row in findings.campaign_rows())
    inside = {account for finding in found for account in finding.members}
    scores = zip(
        findings.accounts.column("account_id").to_pylist(), findings.accounts.column("score").to_pylist(), strict=True
    )
    kinds: dict[str, str] = {}
    agreed: dict[str, tuple[str, float | None]] = {}
    columns = ("account_id", "kind", "allow", "allow_until")
    for account, customer, reason, until in zip(*(accounts.column(c).to_pylist() for c in columns), strict=True):
        if account in inside and customer:
            kinds[account] = customer
        if reason:
            agreed[account] = (reason, _seconds(until))
    return Facts(found, kinds, {a: s or 0.0 for a, s in scores if a in inside}, agreed)


def _finding(row: Mapping[str, Any], families: frozenset[str]) -> Finding:
    return Finding(
        row["campaign_id"], row["kind"], row["title"], row["score"] or 0.0, row["conduct_score"] or 0.0,
        row["coordination_score"] or 0.0, 1.0 if row["false_alarm_rate"] is None else row["false_alarm_rate"], families,
        tuple(row["account_ids"] or ()), row["exchanges"] or 0,
    )  # fmt: skip


def _seconds(at: datetime | None) -> float | None:
    return None if at is None else (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
