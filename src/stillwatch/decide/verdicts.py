"""A verdict on what the findings name, with what they said of it filled in."""

from __future__ import annotations

from pathlib import Path

from stillwatch.decide import people
from stillwatch.decide.facts import facts_of
from stillwatch.decide.record import Record, Who
from stillwatch.errors import UsageError


def kind_of(home: Path, record: Record, subject: str) -> str:
    """`campaign` where the findings or a decision name one so, or nothing names an account so; else `account`."""
    if subject[:2] not in ("C-", "N-"):
        return "account"
    try:
        findings = facts_of(home).findings
    except UsageError:
        findings = ()
    if any(f.campaign_id == subject for f in findings):
        return "campaign"
    if record.rows("SELECT 1 FROM decisions WHERE campaign_id=?", (subject,)):
        return "campaign"
    known = any(subject in f.members for f in findings) or record.rows(
        "SELECT 1 FROM members WHERE account_id=? UNION SELECT 1 FROM decisions WHERE scope='account' AND value=? "
        "UNION SELECT 1 FROM appeals WHERE account_id=? UNION SELECT 1 FROM joined WHERE account_id=?",
        (subject,) * 4,
    )
    return "account" if known else "campaign"


def verdict_on(
    home: Path, record: Record, who: Who, kind: str, subject: str, verdict: str, reason: str, now: float
) -> int:
    """A verdict with what stillwatch had said of its subject filled in from the findings, where they name it."""
    accounts: tuple[str, ...] = ()
    score: float | None = None
    try:
        facts = facts_of(home)
    except UsageError:
        facts = None
    if facts is not None and kind == "campaign":
        found = next((f for f in facts.findings if f.campaign_id == subject), None)
        if found is None and not record.rows("SELECT 1 FROM decisions WHERE campaign_id=?", (subject,)):
            raise UsageError(subject[:60], "there is no such campaign", "stillwatch campaigns lists them")
        accounts, score = (found.members, found.score) if found else ((), None)
    return people.give_verdict(
        record, who, now, kind=kind, subject=subject, verdict=verdict, reason=reason, accounts=accounts, score=score
    )
