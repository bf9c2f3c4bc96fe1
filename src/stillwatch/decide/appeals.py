"""While an appeal is open: the account is asked who it is in place of being suspended, for as long as it would be."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

from stillwatch.decide.live import HARDER_THAN_A_QUESTION, touch
from stillwatch.decide.record import SYSTEM, UNDONE, Record
from stillwatch.decide.writing import end, insert
from stillwatch_gateway.wire import Limits


def ask_instead(record: Record, now: float, account_id: str | None = None) -> None:
    """Brings the questions in line with open appeals and with what would hold their accounts; inside an act.

    A question is as simulated as what it stands for, ends with it, and does not come back for the same appeal once a
    person has lifted it. So an appeal before, or without, a suspension is no way around one. With `account_id` only
    that account's, where nothing else has changed.
    """
    held = _held(record, now, account_id)
    asked = {row["value"]: row for row in _asked(record, now, account_id)}
    for account, rows in held.items():
        until = max(row["expires_at"] for row in rows)
        real = any(row["state"] == "active" and row["mode"] == "enforce" for row in rows)
        mode = "enforce" if real else "simulate"
        own = asked.pop(account, None)
        if own is None:
            if not _lifted(record, account, rows[0]["since"]):
                _ask(record, account, rows[0], mode, until, now)
                touch(record, [account], now)
        elif own["mode"] != mode or own["expires_at"] != until:
            record.db.execute(
                "UPDATE decisions SET mode=?, expires_at=? WHERE decision_id=?", (mode, until, own["decision_id"])
            )
            record.changed(own["decision_id"], now)
    for account, own in asked.items():
        end(record, own["decision_id"], "replaced", SYSTEM.name, "no appeal or nothing to appeal against is left", now)
        touch(record, [account], now)


def _asked(record: Record, now: float, account_id: str | None) -> list[dict[str, Any]]:
    one, values = ("AND value=? ", (now, account_id)) if account_id is not None else ("", (now,))
    return record.rows(
        f"SELECT * FROM decisions WHERE +state='active' AND variant='appeal' AND +expires_at > ? {one}",  # noqa: S608
        values,
    )


def _held(record: Record, now: float, account_id: str | None) -> dict[str, list[dict[str, Any]]]:
    """Account with an open appeal to what it would be spared, what is enforced first."""
    columns = "o.account_id AS account, o.since, o.appeal_id, d.*"
    one = "AND account_id=? " if account_id is not None else ""
    since = "SELECT account_id, min(at) AS since, max(appeal_id) AS appeal_id FROM appeals"
    open_ = f"({since} WHERE state='open' {one}GROUP BY account_id) o"
    actions = ", ".join("?" * len(HARDER_THAN_A_QUESTION))
    live = f"+d.state IN ('proposed','active') AND +d.expires_at > ? AND d.action IN ({actions})"
    values = (*(() if account_id is None else (account_id,)), now, *sorted(HARDER_THAN_A_QUESTION))
    out: dict[str, list[dict[str, Any]]] = {}
    for row in record.rows(
        f"SELECT {columns} FROM {open_} JOIN members m ON m.account_id=o.account_id "  # noqa: S608
        f"JOIN decisions d ON d.decision_id=m.decision_id WHERE {live} UNION ALL "
        f"SELECT {columns} FROM {open_} JOIN decisions d ON d.scope='account' AND d.value=o.account_id WHERE {live}",
        (*values, *values),
    ):
        out.setdefault(row["account"], []).append(row)
    for rows in out.values():
        rows.sort(key=lambda row: (row["state"] != "active", row["mode"] != "enforce", row["decision_id"]))
    return out


def _lifted(record: Record, account: str, since: float) -> bool:
    return bool(
        record.rows(
            "SELECT 1 FROM decisions WHERE key=? AND state='lifted' AND ended_at >= ? AND ended_why <> ?",
            (f"appeal:{account}", since, UNDONE),
        )
    )


def _ask(record: Record, account: str, held: dict[str, Any], mode: str, until: float, now: float) -> None:
    digest = hashlib.sha256(f"appeal\0{account}\0{now!r}\0{record.cursor()}".encode()).hexdigest()
    insert(record, {
        "decision_id": f"D-{digest[:12]}", "key": f"appeal:{account}", "variant": "appeal", "rule": held["rule"],
        "policy": held["policy"], "approval": 0, "mode": mode, "state": "active", "action": "step_up",
        "scope": "account", "value": account, "campaign_id": held["campaign_id"], "reason": "appeal_open",
        "tell": "Your appeal is being looked at. Until then, please confirm who you are to go on.", "lift": "analyst",
        "newcomers": "watch", "limits": json.dumps(asdict(Limits())), "marks": "[]", "created_at": now,
        "expires_at": until, "hours": (until - now) / 3600.0, "why": f"appeal {held['appeal_id']} is open",
        "score": None, "proposed_by": SYSTEM.name,
    }, (), now)  # fmt: skip
