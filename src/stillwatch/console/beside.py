"""Where an account stands: beside its peers, outside campaigns, and whether the provider has acted on it already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stillwatch.console.shelf import Shelf
from stillwatch.report.plain_text import count_of, score_text, when

_REPORT_FROM = 55.0


def report_from(run: Mapping[str, Any]) -> float:
    """The score from which that sweep reported groups."""
    settings = run.get("settings")
    campaigns = settings.get("campaigns") if isinstance(settings, Mapping) else None
    least = campaigns.get("report_from") if isinstance(campaigns, Mapping) else None
    return float(least) if isinstance(least, (int, float)) else _REPORT_FROM


def why_in_none(shelf: Shelf, row: Mapping[str, Any]) -> str:
    """Why an account outside every campaign is outside."""
    least = report_from(shelf.findings.run)
    bar = f"{least:g}, from which groups are reported"
    near = next((n for n in shelf.near if row["account_id"] in n["account_ids"] and n["how"] != "alone"), None)
    if near is not None and (near["score"] or 0.0) < least:
        score = score_text(near["score"])
        return f"The group that it was linked to was not reported: its score of {score} is below {bar}."
    if row["score"] is None:
        return "It is in no group that was reported."
    if row["score"] < least:
        return f"It is in no group that was reported, and its own score of {score_text(row['score'])} is below {bar}."
    return f"It is in no group that was reported; an account by itself is none, and groups are reported from {least:g}."


def accused(shelf: Shelf, row: Mapping[str, Any]) -> bool:
    """Whether there is something that an innocent explanation would have to answer."""
    score = row["score"]
    return (score is not None and score >= report_from(shelf.findings.run)) or row["label"] not in ("clear", None)


def more_than(below: float) -> str:
    """A share of all accounts that lie below, in words."""
    if below < 0.0005:
        return "no more than almost any other account"
    return f"more than {100 * below:.1f} % of all accounts"


def suspended_since(record: Mapping[str, Any]) -> str:
    """`already suspended since DATE by its record`; empty where it is not."""
    if record.get("status") not in ("suspended", "closed"):
        return ""
    at = record.get("status_changed_at")
    return f"already {record['status']}" + (f" since {when(at, clock=False)}" if at else "") + " by its record"


def suspended_of(shelf: Shelf, accounts: Sequence[str]) -> str:
    """`Of 30 accounts 8 are suspended or closed already by their records.`; empty where none is."""
    n = sum(bool(suspended_since(shelf.account_record(a))) for a in accounts)
    if not n:
        return ""
    told = ("is", "its record") if n == 1 else ("are", "their records")
    return f"Of {count_of(len(accounts), 'account')} {n:,} {told[0]} suspended or closed already by {told[1]}."
