"""What gateways send back: accounts that began with a campaign's template, and what was done how often."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from stillwatch.decide.live import live_rows, members_of
from stillwatch.decide.record import Record, Who
from stillwatch.decide.writing import end, insert
from stillwatch_gateway.wire import ACTIONS, LONGEST_ID, Limits

MOST_JOINED, LEAST_MOST_JOINED, MOST_TIMES_ITS_SIZE = 50_000, 200, 3
"""Of one campaign: marks that meet more newcomers than three times its accounts (200 at least, 50,000 at most) are
marks of something else, or somebody holds a gateway's token. The others are flagged, and people are told once."""


def take_sightings(
    record: Record, who: Who, items: Sequence[dict[str, Any]], now: float, *,
    known: Callable[[str], bool] = lambda _: False,
) -> int:  # fmt: skip
    """Notes accounts that joined a campaign; they get its `newcomers` action at every gateway. How many were new.

    An item is {"campaign_id", "account", "joined": true}; what is not is passed over, and so are campaigns that no
    live decision names, and accounts that sent too few marks (one sign is not enough) or that `known` says the
    provider knows: a gateway's word alone holds no old customer back.
    """
    with record.act():
        return _note_sightings(record, who, items, now, known)


def take_usage(record: Record, who: Who, items: Sequence[dict[str, Any]], now: float) -> None:
    """Adds what a gateway did: items of {"decision_id", "outcome": "acted" or "would", "count"}."""
    with record.act():
        _note_usage(record, who, items, now)


def take_reports(
    record: Record, who: Who, kind: str, entries: Mapping[str, dict[str, Any] | None], now: float, *,
    known: Callable[[str], bool],
) -> None:  # fmt: skip
    """The same for `usage` or `sightings` that wait elsewhere, as {entry's id: item}; each id is recorded once.

    Items and ids are kept in one act, so that whoever deletes the entries afterwards may stop at any moment between the
    two and simply hand them in again. Only the latest ids are kept: give all that still wait, oldest first. None, an
    entry that could not be read, counts as recorded.
    """
    mark = f"{kind} taken"
    with record.act() as db:
        found = db.execute("SELECT value FROM meta WHERE name=?", (mark,)).fetchone()
        before = set(json.loads(found["value"])) if found else set[str]()
        fresh = [item for one, item in entries.items() if item is not None and one not in before]
        if kind == "usage":
            _note_usage(record, who, fresh, now)
        else:
            _note_sightings(record, who, fresh, now, known)
        db.execute("INSERT OR REPLACE INTO meta VALUES(?, ?)", (mark, json.dumps(list(entries))))


def _note_sightings(
    record: Record, who: Who, items: Sequence[dict[str, Any]], now: float, known: Callable[[str], bool]
) -> int:
    live: dict[str, dict[str, Any]] = {}
    for row in live_rows(record, now):
        if row["marks"] != "[]" and row["scope"] == "campaign":
            live[row["campaign_id"]] = max(live.get(row["campaign_id"], row), row, key=_says_most)
    fresh = 0
    for campaign_id in sorted({str(item.get("campaign_id")) for item in items} & live.keys()):
        source = live[campaign_id]
        found = record.rows("SELECT count(*) AS n FROM joined WHERE campaign_id=?", (campaign_id,))
        before = found[0]["n"]
        most = min(MOST_JOINED, max(LEAST_MOST_JOINED, MOST_TIMES_ITS_SIZE * _size(record, campaign_id)))
        here = {i["account"] for i in items if i.get("campaign_id") == campaign_id and _joins(i)}
        for account in sorted(account for account in here if not known(account)):
            if before >= most:
                if fresh or before == most:
                    _too_many(record, campaign_id, before, now)
                break
            done = record.db.execute(
                "INSERT OR IGNORE INTO joined VALUES(?, ?, ?, ?)", (campaign_id, account, now, who.name)
            ).rowcount
            before, fresh = before + done, fresh + done
        _joined_decision(record, source, now)
    if fresh:
        record.audit(who, "newcomers seen", "campaigns", now, accounts=fresh)
    return fresh


def _note_usage(record: Record, who: Who, items: Sequence[dict[str, Any]], now: float) -> None:
    day = datetime.fromtimestamp(now, UTC).date().isoformat()
    for item in items:
        decision_id, outcome, count = item.get("decision_id"), item.get("outcome"), item.get("count")
        if not _is_id(decision_id) or outcome not in ("acted", "would") or not _count(count):
            continue
        acted, would = (count, 0) if outcome == "acted" else (0, count)
        if not record.rows("SELECT 1 FROM decisions WHERE decision_id=?", (decision_id,)):
            continue
        record.db.execute(
            "INSERT INTO usage VALUES(?, ?, ?, ?, ?) ON CONFLICT(decision_id, gateway, day) "
            "DO UPDATE SET acted=acted+excluded.acted, would=would+excluded.would",
            (decision_id, who.name, day, acted, would),
        )


def _size(record: Record, campaign_id: str) -> int:
    """Accounts that the campaign's decisions name, newcomers apart."""
    return int(
        record.rows(
            "SELECT count(DISTINCT m.account_id) AS n FROM members m JOIN decisions d USING(decision_id) "
            "WHERE d.campaign_id=? AND d.variant != 'joined' AND d.state IN ('proposed', 'active')",
            (campaign_id,),
        )[0]["n"]
    )


def _too_many(record: Record, campaign_id: str, joined: int, now: float) -> None:
    told = record.rows("SELECT body FROM alerts WHERE event='too many newcomers'")
    if not any(json.loads(row["body"]).get("campaign_id") == campaign_id for row in told):
        record.alert("too many newcomers", now, {"campaign_id": campaign_id, "accounts": joined})


def _says_most(row: dict[str, Any]) -> tuple[bool, bool, int]:
    """Of a campaign's decisions the one that newcomers follow: what holds, then what enforces, then what asks most."""
    return row["state"] == "active", row["mode"] == "enforce", ACTIONS.index(row["newcomers"])


def _joins(item: dict[str, Any]) -> bool:
    return item.get("joined") is True and _is_id(item.get("account"))


def _is_id(value: object) -> bool:
    """A text that the record can hold: a lone surrogate is none."""
    return isinstance(value, str) and 0 < len(value) <= LONGEST_ID and not any("\ud800" <= c <= "\udfff" for c in value)


def _joined_decision(record: Record, source: dict[str, Any], now: float) -> None:
    """One decision for a campaign's newcomers, of the same mode and end as the one whose marks they sent.

    It goes into the stream only where it changed: it may name many, and every gateway would read them again.
    """
    campaign_id = source["campaign_id"]
    here = set(members_of(record, source["decision_id"]))
    joined = [r["account_id"] for r in record.rows("SELECT account_id FROM joined WHERE campaign_id=?", (campaign_id,))]
    joined = [a for a in joined if a not in here]
    if not joined or source["newcomers"] == "watch":
        return
    key = f"{campaign_id}:joined"
    mode = source["mode"] if source["state"] == "active" else "simulate"
    found = [r for r in live_rows(record, now) if r["key"] == key]
    if found and found[0]["mode"] == mode:
        decision_id = found[0]["decision_id"]
        if found[0]["expires_at"] >= source["expires_at"] and set(joined) <= set(members_of(record, decision_id)):
            return
        record.db.executemany("INSERT OR IGNORE INTO members VALUES(?, ?)", [(decision_id, a) for a in joined])
        record.db.execute(
            "UPDATE decisions SET expires_at=max(expires_at, ?) WHERE decision_id=?",
            (source["expires_at"], decision_id),
        )
        record.changed(decision_id, now)
        return
    if found:
        end(record, found[0]["decision_id"], "replaced", "stillwatch", "the campaign's decision changed", now)
    decision_id = "D-" + hashlib.sha256(f"{key}\0{now!r}\0{record.cursor()}".encode()).hexdigest()[:12]
    insert(record, {
        "decision_id": decision_id, "key": key, "variant": "joined", "rule": source["rule"], "policy": source["policy"],
        "mode": mode, "approval": 0, "state": "active", "action": source["newcomers"], "scope": "campaign",
        "value": campaign_id, "campaign_id": campaign_id, "reason": f"{source['reason']}_newcomer"[:80],
        "tell": "Please confirm who uses this account: its first requests resemble automated collection.",
        "lift": source["lift"], "newcomers": "watch",
        "limits": source["limits"] if source["newcomers"] == source["action"] else json.dumps(asdict(Limits())),
        "marks": "[]", "created_at": now, "expires_at": source["expires_at"], "hours": source["hours"],
        "why": "unknown accounts that sent the campaign's own template", "score": source["score"],
        "proposed_by": "stillwatch",
    }, joined, now)  # fmt: skip


def _count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 40
