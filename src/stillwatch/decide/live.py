"""Decisions that hold: as rows, as they go over the wire, and for whom; expiry, allowances and appeals applied."""

from __future__ import annotations

import json
from collections.abc import Iterable, Set
from typing import Any

from stillwatch.decide.record import LIVE, SYSTEM, Record
from stillwatch.errors import UsageError
from stillwatch_gateway.wire import ACTIONS, LONGEST_ID, Decision, Limits

HARDER_THAN_A_QUESTION = frozenset(ACTIONS[ACTIONS.index("step_up") + 1 :])
"""What an open appeal turns into `step_up`; what takes less from a customer than that stays as it is."""


def exempt_accounts(record: Record, now: float) -> set[str]:
    """Accounts that are allowed, that a person found to be accused wrongly (alone or with their campaign), or whose
    records name an agreement, as of the latest `decide`."""
    allowed = record.rows(
        "SELECT value FROM allows WHERE scope='account' AND ended_at IS NULL AND (until IS NULL OR until > ?)", (now,)
    )
    wrong = record.rows(
        "SELECT a.account_id AS value FROM verdict_accounts a JOIN verdicts v USING(verdict_id) "
        "WHERE v.verdict='wrong' AND v.withdrawn_at IS NULL"
    )
    agreed = record.rows("SELECT account_id AS value FROM agreed WHERE until IS NULL OR until > ?", (now,))
    return {row["value"] for row in (*allowed, *wrong, *agreed)}


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


def holding(record: Record, account_id: str, now: float) -> list[dict[str, Any]]:
    """Live decisions that name an account, by itself or as one of a campaign's, strongest first; before exemptions."""
    # The pluses keep the database from walking all that is live in place of the few that name this account.
    live = "+state IN ('proposed','active') AND +expires_at > ?"
    of_members = "SELECT decision_id FROM members WHERE account_id=?"
    found = record.rows(
        f"SELECT * FROM decisions WHERE scope='account' AND value=? AND {live} UNION "  # noqa: S608
        f"SELECT * FROM decisions WHERE decision_id IN ({of_members}) AND {live}",
        (account_id, now, account_id, now),
    )
    return sorted(found, key=lambda row: -ACTIONS.index(row["action"]))


def held_back(record: Record, account_id: str, now: float) -> list[dict[str, Any]]:
    """The same after exemptions and appeals: what gateways hear of this account."""
    exempt, open_ = exempt_accounts(record, now), appealing(record)
    return [
        row for row in holding(record, account_id, now)
        if row["variant"] == "appeal" or account_id not in _left_out(row, exempt, open_)
    ]  # fmt: skip


def touch(record: Record, accounts: Iterable[str], now: float) -> None:
    """Puts every live decision that names one of these accounts into the stream, inside an act."""
    ids: set[str] = set()
    for account in accounts:
        ids.update(row["decision_id"] for row in holding(record, account, now))
    for decision_id in sorted(ids):
        record.changed(decision_id, now)


def _left_out(row: dict[str, Any], exempt: Set[str], open_: Set[str]) -> Set[str]:
    if row["action"] == "allow":
        return frozenset()
    return exempt | open_ if row["action"] in HARDER_THAN_A_QUESTION else exempt


def on_the_wire(
    record: Record, row: dict[str, Any], now: float, *, exempt: set[str], open_: set[str]
) -> Decision | None:
    """A row as gateways get it; None where it no longer holds. A proposal goes as a simulation until it is approved."""
    if row["state"] not in LIVE or row["expires_at"] <= now:
        return None
    left_out = _left_out(row, exempt, open_)
    if row["scope"] == "account" and row["value"] in left_out and row["variant"] != "appeal":
        return None
    members: tuple[str, ...] = ()
    if row["scope"] == "campaign":
        # One id that no gateway takes must not spoil the decision for the others.
        named = members_of(record, row["decision_id"])
        members = tuple(a for a in named if a not in left_out and len(a) <= LONGEST_ID)
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
    """Ends what has run out; how many. Gateways look at the clock themselves, but must hear
    that an allowance has ended."""
    over = record.rows(
        "SELECT decision_id FROM decisions WHERE state IN ('proposed','active') AND expires_at <= ?", (now,)
    )
    over_allows = record.rows(
        "SELECT scope, value FROM allows WHERE ended_at IS NULL AND until <= ? "
        "UNION ALL SELECT 'account', account_id FROM agreed WHERE until <= ?",
        (now, now),
    )
    if over or over_allows:
        with record.act() as db:
            for row in over:
                db.execute(
                    "UPDATE decisions SET state='expired', ended_at=expires_at, ended_by='clock' WHERE decision_id=?",
                    (row["decision_id"],),
                )
                record.changed(row["decision_id"], now)
            db.execute("UPDATE allows SET ended_at=until WHERE ended_at IS NULL AND until <= ?", (now,))
            db.execute("DELETE FROM agreed WHERE until <= ?", (now,))
            # Gateways took these accounts out of what holds; nothing but a change brings them back in.
            touch(record, {row["value"] for row in over_allows if row["scope"] == "account"}, now)
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
