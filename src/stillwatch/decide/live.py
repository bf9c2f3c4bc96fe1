"""Decisions that hold: as rows, as they go over the wire, and for whom; expiry, allowances and appeals applied."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from stillwatch.decide.policy import STRONG
from stillwatch.decide.record import LIVE, SYSTEM, Record
from stillwatch.errors import UsageError
from stillwatch_gateway.wire import Decision, Limits


def exempt_accounts(record: Record, now: float) -> set[str]:
    """Accounts that are allowed, or that a person found to be accused wrongly (alone or with their campaign)."""
    allowed = record.rows(
        "SELECT value FROM allows WHERE scope='account' AND ended_at IS NULL AND (until IS NULL OR until > ?)", (now,)
    )
    wrong = record.rows(
        "SELECT a.account_id AS value FROM verdict_accounts a JOIN verdicts v USING(verdict_id) "
        "WHERE v.verdict='wrong' AND v.withdrawn_at IS NULL"
    )
    return {row["value"] for row in (*allowed, *wrong)}


def wrong_campaigns(record: Record) -> set[str]:
    """Campaigns that a person marked wrong and nobody took back."""
    return {
        row["subject"]
        for row in record.rows(
            "SELECT subject FROM verdicts WHERE kind='campaign' AND verdict='wrong' AND withdrawn_at IS NULL"
        )
    }


def appealing(record: Record) -> set[str]:
    """Accounts with an open appeal."""
    return {row["account_id"] for row in record.rows("SELECT account_id FROM appeals WHERE state='open'")}


def live_rows(record: Record, now: float) -> list[dict[str, Any]]:
    """Decisions that are proposed or active and have not expired."""
    return record.rows(
        "SELECT * FROM decisions WHERE state IN ('proposed', 'active') AND expires_at > ? "
        "ORDER BY created_at, decision_id",
        (now,),
    )


def members_of(record: Record, decision_id: str) -> list[str]:
    """Accounts of a campaign's decision as the sweep named them, before exemptions."""
    found = record.rows("SELECT account_id FROM members WHERE decision_id=? ORDER BY account_id", (decision_id,))
    return [row["account_id"] for row in found]


def on_the_wire(
    record: Record, row: dict[str, Any], now: float, *, exempt: set[str], open_: set[str]
) -> Decision | None:
    """A row as gateways get it; None where it no longer holds. A proposal goes as a simulation until it is approved."""
    if row["state"] not in LIVE or row["expires_at"] <= now:
        return None
    softened = open_ if row["action"] in STRONG and row["action"] != "step_up" else set()
    left_out = set() if row["action"] == "allow" else exempt | softened
    if row["scope"] == "account" and row["value"] in left_out and row["variant"] != "appeal":
        return None
    members: tuple[str, ...] = ()
    if row["scope"] == "campaign":
        members = tuple(a for a in members_of(record, row["decision_id"]) if a not in left_out)
    return Decision(
        decision_id=row["decision_id"], action=row["action"], scope=row["scope"], value=row["value"],
        created_at=row["created_at"], expires_at=row["expires_at"],
        enforced=row["state"] == "active" and row["mode"] == "enforce", campaign_id=row["campaign_id"],
        reason=row["reason"], tell=row["tell"], lift=row["lift"], limits=Limits(**json.loads(row["limits"])),
        members=members, marks=tuple(int(mark, 16) for mark in json.loads(row["marks"])), newcomers=row["newcomers"],
    )  # fmt: skip


def delta(record: Record, cursor: int, now: float) -> dict[str, Any]:
    """The wire's delta since `cursor`; everything that holds where the cursor is 0 or not one of ours."""
    latest = record.cursor()
    reset = cursor <= 0 or cursor > latest
    exempt, open_ = exempt_accounts(record, now), appealing(record)
    upsert, gone = [], []
    if reset:
        rows: Iterable[dict[str, Any]] = live_rows(record, now)
    else:
        rows = record.rows(
            "SELECT d.* FROM decisions d JOIN (SELECT DISTINCT decision_id FROM changes "
            "WHERE cursor > ? AND cursor <= ?) USING(decision_id) ORDER BY d.created_at, d.decision_id",
            (cursor, latest),
        )
    for row in rows:
        sent = on_the_wire(record, row, now, exempt=exempt, open_=open_)
        if sent is None:
            gone.append(row["decision_id"])
        else:
            upsert.append(sent.as_dict())
    return {"cursor": latest, "reset": reset, "now": now, "upsert": upsert, "delete": [] if reset else gone}


def expire(record: Record, now: float) -> int:
    """Ends what has run out; how many. Gateways need no word of it: each looks at the clock itself."""
    over = record.rows(
        "SELECT decision_id FROM decisions WHERE state IN ('proposed','active') AND expires_at <= ?", (now,)
    )
    over_allows = record.rows("SELECT allow_id FROM allows WHERE ended_at IS NULL AND until <= ?", (now,))
    if over or over_allows:
        with record.act() as db:
            for row in over:
                db.execute(
                    "UPDATE decisions SET state='expired', ended_at=expires_at, ended_by='clock' WHERE decision_id=?",
                    (row["decision_id"],),
                )
                record.changed(row["decision_id"], now)
            db.execute("UPDATE allows SET ended_at=until WHERE ended_at IS NULL AND until <= ?", (now,))
            record.audit(SYSTEM, "expired", "decisions", now, decisions=len(over), allowances=len(over_allows))
    return len(over)


def one_decision(record: Record, decision_id: str) -> dict[str, Any]:
    """A decision's row with its accounts and usage. UsageError where there is none."""
    found = record.rows("SELECT * FROM decisions WHERE decision_id=?", (decision_id,))
    if not found:
        raise UsageError(decision_id[:60], "there is no such decision", "stillwatch decisions lists them")
    members = record.rows("SELECT account_id FROM members WHERE decision_id=? ORDER BY account_id", (decision_id,))
    usage = record.rows("SELECT gateway, day, acted, would FROM usage WHERE decision_id=? ORDER BY day", (decision_id,))
    return {**found[0], "members": [row["account_id"] for row in members], "usage": usage}
