"""Brings the decisions in line with the latest findings: new ones, renewed ones, grown ones; never behind a person."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from stillwatch.decide.appeals import ask_instead
from stillwatch.decide.facts import Facts
from stillwatch.decide.live import exempt_accounts, expire, live_rows, members_of, touch, wrong_campaigns
from stillwatch.decide.policy import STRONG, Policy
from stillwatch.decide.propose import Proposal, propose
from stillwatch.decide.record import SYSTEM, UNDONE, Record
from stillwatch.decide.writing import end, insert
from stillwatch_gateway.wire import ACTIONS

A_PERSON_SAID_NO_S = 86_400.0


@dataclass(frozen=True)
class Decided:
    """What changed: decision ids by what happened to them."""

    new: tuple[str, ...]
    renewed: tuple[str, ...]
    waiting: tuple[str, ...]
    """Of all live ones: those that wait for a person's approval."""
    replaced: tuple[str, ...]


def decide(
    record: Record, policy: Policy, facts: Facts, now: float, *, marks: Mapping[str, Sequence[int]] | None = None
) -> Decided:
    """Makes, renews and replaces decisions under a policy; one transaction. `marks` are each campaign's fingerprints.

    What the findings no longer hold is left to expire. An approval covers accounts that join later up to
    `policy.regrow`; those beyond it wait in a decision of their own.
    """
    expire(record, now)
    new: list[str] = []
    renewed: list[str] = []
    replaced: list[str] = []
    with record.act() as db:
        _take_agreements(record, facts, now)
        wanted = propose(policy, facts, exempt=exempt_accounts(record, now), wrong=wrong_campaigns(record))
        for proposal in wanted:
            made, again = _bring_in_line(record, policy, proposal, now, (marks or {}).get(proposal.campaign_id, ()))
            new += made
            renewed += again
        replaced += _replace(record, wanted, now)
        ask_instead(record, now)
        waiting = [
            row["decision_id"]
            for row in db.execute("SELECT decision_id FROM decisions WHERE state='proposed' AND expires_at > ?", (now,))
        ]
        record.audit(SYSTEM, "decided", f"policy {policy.sha256[:16]}", now, new=len(new), renewed=len(renewed),
                     replaced=len(replaced), waiting=len(waiting), findings=len(facts.findings))  # fmt: skip
    return Decided(tuple(new), tuple(renewed), tuple(waiting), tuple(replaced))


def _take_agreements(record: Record, facts: Facts, now: float) -> None:
    """Keeps whom the account records agree with, since that also beats what people decide between two sweeps."""
    latest = {a: until for a, (_, until) in facts.agreed.items() if until is None or until > now}
    before = {row["account_id"]: row["until"] for row in record.rows("SELECT * FROM agreed")}
    gone = before.keys() - latest.keys()
    record.db.executemany("DELETE FROM agreed WHERE account_id=?", [(a,) for a in gone])
    record.db.executemany("INSERT OR REPLACE INTO agreed VALUES(?, ?)", list(latest.items()))
    touch(record, gone | (latest.keys() - before.keys()), now)


def _bring_in_line(
    record: Record, policy: Policy, p: Proposal, now: float, marks: Sequence[int]
) -> tuple[list[str], list[str]]:
    live = record.rows(
        "SELECT * FROM decisions WHERE key=? AND state IN ('proposed','active') AND expires_at > ? ORDER BY created_at",
        (p.key, now),
    )
    if not live:
        if _a_person_ended(record, p.key, now):
            return [], []
        return [new_decision(record, p, policy, now, marks, p.members)], []
    main, grown = live[0], live[1:]
    covered = set(p.members)
    new: list[str] = []
    if main["approval"] and main["state"] == "active" and p.scope == "campaign":
        active = [row for row in live if row["state"] == "active"]
        approved = {a for row in active for a in _approved(record, row["decision_id"])}
        covered -= _refused_with(record, p.key, now)
        if len(covered - approved) > len(approved) * policy.regrow + 1:
            known = {a for row in active for a in members_of(record, row["decision_id"])}
            later = covered - approved - known
            covered -= later
            waiting = next((row for row in grown if row["state"] == "proposed"), None)
            if waiting is not None:
                _renew(record, waiting, p, now, (), later)
            elif later:
                new.append(new_decision(record, p, policy, now, (), tuple(sorted(later))))
    _renew(record, main, p, now, marks, covered)
    for row in grown:
        if row["state"] == "active":
            _renew(record, row, p, now, (), set(members_of(record, row["decision_id"])) & set(p.members))
    return new, [main["decision_id"]]


def _a_person_ended(record: Record, key: str, now: float) -> bool:
    """Whether a person refused or lifted this very decision within a day: the machine does not insist."""
    return bool(
        record.rows(
            "SELECT 1 FROM decisions WHERE key=? AND state IN ('refused', 'lifted') AND ended_at > ? "
            "AND ended_why <> ?",
            (key, now - A_PERSON_SAID_NO_S, UNDONE),
        )
    )


def _approved(record: Record, decision_id: str) -> list[str]:
    found = record.rows("SELECT account_id FROM approved WHERE decision_id=?", (decision_id,))
    return [row["account_id"] for row in found]


def _refused_with(record: Record, key: str, now: float) -> set[str]:
    """Accounts of this decision's growth that a person refused or lifted within a day."""
    found = record.rows(
        "SELECT account_id FROM members JOIN decisions USING(decision_id) WHERE key=? "
        "AND state IN ('refused', 'lifted') AND ended_at > ? AND ended_why <> ?",
        (key, now - A_PERSON_SAID_NO_S, UNDONE),
    )
    return {row["account_id"] for row in found}


def new_decision(
    record: Record, p: Proposal, policy: Policy, now: float, marks: Sequence[int], members: Sequence[str]
) -> str:
    """Writes a decision of a policy, inside an act; its id."""
    row = p.row
    waits = p.waits
    decision_id = (
        "D-" + hashlib.sha256(f"{p.key}\0{now!r}\0{len(members)}\0{record.cursor()}".encode()).hexdigest()[:12]
    )
    insert(record, {
        "decision_id": decision_id, "key": p.key, "variant": p.variant, "rule": row.name, "policy": policy.sha256,
        "mode": row.mode, "approval": int(waits), "state": "proposed" if waits else "active", "action": p.action,
        "scope": p.scope, "value": p.value, "campaign_id": p.campaign_id, "reason": row.reason, "tell": p.tell,
        "lift": row.lift, "newcomers": p.newcomers, "limits": json.dumps(asdict(p.limits)),
        "marks": json.dumps([f"{m:016x}" for m in marks]), "created_at": now,
        "expires_at": now + 3600.0 * row.expires_hours, "hours": row.expires_hours, "why": p.why, "score": p.score,
        "proposed_by": SYSTEM.name,
    }, members, now)  # fmt: skip
    record.audit(SYSTEM, "proposed" if waits else "made", decision_id, now, action=p.action, scope=p.scope,
                 campaign=p.campaign_id, rule=row.name, mode=row.mode, accounts=len(members), why=p.why)  # fmt: skip
    if p.action in STRONG:
        tell_people(record, "waits for approval" if waits else "decided", decision_id, now, len(members))
    return decision_id


def tell_people(record: Record, event: str, decision_id: str, now: float, accounts: int) -> None:
    """Leaves an alert on a decision; it always says whether it is a simulation."""
    row = record.rows("SELECT * FROM decisions WHERE decision_id=?", (decision_id,))[0]
    record.alert(event, now, {
        "decision_id": decision_id, "action": row["action"], "scope": row["scope"], "campaign_id": row["campaign_id"],
        "accounts": accounts, "simulated": row["mode"] != "enforce", "state": row["state"], "reason": row["reason"],
        "why": row["why"], "expires_at": row["expires_at"],
    })  # fmt: skip


def _renew(
    record: Record, row: Mapping[str, Any], p: Proposal, now: float, marks: Sequence[int], members: set[str]
) -> None:
    decision_id = row["decision_id"]
    old = set(members_of(record, decision_id))
    gone, more = old - members, members - old
    record.db.executemany("DELETE FROM members WHERE decision_id=? AND account_id=?", [(decision_id, a) for a in gone])
    record.db.executemany("INSERT OR IGNORE INTO members VALUES(?, ?)", [(decision_id, a) for a in more])
    record.db.execute(
        "UPDATE decisions SET expires_at=?, why=?, score=?, marks=?, reason=?, tell=?, lift=?, newcomers=?, limits=?, "
        "hours=? WHERE decision_id=?",
        (max(now + 3600.0 * p.row.expires_hours, row["expires_at"]), p.why, p.score,
         json.dumps([f"{m:016x}" for m in marks]) if marks else row["marks"], p.row.reason, p.tell, p.row.lift,
         p.newcomers, json.dumps(asdict(p.limits)), p.row.expires_hours, decision_id),
    )  # fmt: skip
    record.changed(decision_id, now)


def _replace(record: Record, wanted: Sequence[Proposal], now: float) -> list[str]:
    """Ends what the policy decided before on the same campaign, once the new decision is active.

    What a person approved is not ended by a weaker row because a score sank a little: it runs out by itself.
    """
    keys = {p.key for p in wanted}
    campaigns = {p.campaign_id for p in wanted}
    heir = {(p.campaign_id, p.row.name, p.variant): p for p in wanted}
    strongest = {c: max(ACTIONS.index(p.action) for p in wanted if p.campaign_id == c) for c in campaigns}
    live = [r for r in live_rows(record, now) if r["campaign_id"] in campaigns and r["rule"] is not None]
    settled = {r["campaign_id"] for r in live if r["key"] in keys and r["state"] == "active"}
    waiting = {r["campaign_id"] for r in live if r["key"] in keys and r["state"] == "proposed"}
    out = []
    for row in live:
        if row["key"] in keys or row["variant"] in ("appeal", "joined"):
            continue
        same = heir.get((row["campaign_id"], row["rule"], row["variant"]))
        weaker = row["approved_at"] is not None and strongest[row["campaign_id"]] < ACTIONS.index(row["action"])
        if same is not None:
            # The row itself was changed. To simulate is to stop acting, whoever has yet to approve what.
            over = not same.waits or same.row.mode == "simulate" or row["state"] == "proposed"
        else:
            over = row["campaign_id"] in settled and row["campaign_id"] not in waiting and not weaker
        if over:
            end(record, row["decision_id"], "replaced", SYSTEM.name, "the policy asks for something else now", now)
            out.append(row["decision_id"])
        elif row["campaign_id"] in waiting and row["state"] == "active":
            # The weaker decision goes on until a person has looked at the stronger one.
            until = max(row["expires_at"], now + 3600.0 * row["hours"])
            record.db.execute("UPDATE decisions SET expires_at=? WHERE decision_id=?", (until, row["decision_id"]))
            record.changed(row["decision_id"], now)
    return out
