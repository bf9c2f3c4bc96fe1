"""Every table of the console by its name: which rows, which columns, for whom."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.console.shelf import Shelf, short
from stillwatch.console.tables import Column, Sheet, at_time, sheet_of
from stillwatch.decide.live import wrong_campaigns
from stillwatch.decide.record import Record
from stillwatch.report.explain import missing_columns
from stillwatch.report.network import kinds_in
from stillwatch.report.plain_text import clean, score_text

Given = Mapping[str, str]
_TIMES = ("created_at", "expires_at", "at", "decided_at", "withdrawn_at", "until", "ended_at")
_SHOWN_STATE = {"proposed": "waits for approval", "active": "holds", "replaced": "replaced"}


def campaigns(shelf: Shelf, record: Record, given: Given) -> Sheet:
    """Campaigns and networks of the latest sweep, with what moved since the one before and what was decided."""
    before = shelf.before
    state = _states(record)
    wrong = wrong_campaigns(record)
    rows = []
    for row in shelf.campaigns:
        id = row["campaign_id"]
        old = None if before is None else before.get(id)
        rows.append({
            "campaign_id": id, "title": clean(row["title"], 160) or clean(id, 60), "kind": words(row["kind"]),
            "score": row["score"], "label": clean(row["label"], 20), "accounts": row["accounts"],
            "exchanges": row["exchanges"], "moved": moved(row, old, before is not None),
            "growth": None if before is None else (row["exchanges"] or 0) - (old or {}).get("exchanges", 0),
            "first_seen": row["first_seen"], "last_seen": row["last_seen"],
            "stands": "marked wrong by a person" if id in wrong else state.get(id, "nothing decided"),
        })  # fmt: skip
    columns = (
        Column("campaign_id", "Campaign", "campaign"), Column("title", "What", "hidden"),
        Column("score", "Score", "score"), Column("label", "Label", "hidden"), Column("kind", "Kind", "kind"),
        Column("accounts", "Accounts", "number"), Column("exchanges", "Exchanges", "number"),
        Column("growth", "Growth", "growth"), Column("moved", "Since the sweep before"),
        Column("stands", "What stands"), Column("last_seen", "Last seen", "day"),
        Column("first_seen", "First seen", "hidden"),
    )  # fmt: skip
    return sheet_of("campaigns", "Campaigns and account networks of the latest sweep", columns, rows, sort="-score",
                    empty="The latest sweep reported no campaign.")  # fmt: skip


def accounts(shelf: Shelf, record: Record, given: Given) -> Sheet:
    """Accounts of the latest sweep; `campaign` and `value` (a shared value's label) leave only those that have it."""
    table, keep, caption = shelf.findings.accounts, {}, "Accounts of the latest sweep"
    if campaign := given.get("campaign", ""):
        row = shelf.by_campaign.get(campaign)
        table = shelf.accounts_of((row or {}).get("account_ids") or [])
        keep["campaign"], caption = short(campaign), f"Accounts of {clean(campaign, 60)}"
        if value := given.get("value", ""):
            ties = shelf.pictures.ties
            holds = ties.filter(pc.and_(pc.equal(ties["campaign_id"], campaign), pc.equal(ties["value_label"], value)))
            table = table.filter(pc.is_in(table["account_id"], value_set=holds["account_id"].combine_chunks()))
            keep["value"], caption = value, f"{caption} that share {clean(value, 60)}"
    columns = (
        Column("account_id", "Account", "account"), Column("score", "Score", "score"),
        Column("label", "Label", "hidden"), Column("exchanges", "Exchanges", "number"),
        Column("campaign_id", "Campaign", "hidden" if campaign else "campaign"), Column("customer", "Customer", "text"),
        Column("status", "Status", "text"), Column("reasons", "A reason", "first", False),
    )  # fmt: skip
    joined = _with_records(table, shelf.records)
    return Sheet("accounts", caption, columns, joined.select([c.name for c in columns]), "-score",
                 "No account.", keep, "account_id")  # fmt: skip


def evidence(shelf: Shelf, record: Record, given: Given) -> Sheet:
    """Evidence on one campaign or account, heaviest first; without one, all that there is."""
    kind, id = ("campaign", given["campaign"]) if given.get("campaign") else ("account", given.get("account", ""))
    table = shelf.findings.evidence
    keep = {kind: short(id)} if id else {}
    if id:
        table = table.filter(pc.and_(pc.equal(table["actor_kind"], kind), pc.equal(table["actor_id"], id)))
    table = table.append_column("weight", pc.abs(table["weight_bits"]))
    columns = (
        Column("signal", "Signal", "words"), Column("family", "Family", "words"),
        Column("weight_bits", "Weight", "bits"), Column("p_value", "Chance", "p"), Column("says", "What it says"),
        Column("facts", "Facts", "facts", False), Column("exchange_ids", "Examples of its exchanges", "hidden"),
        Column("weight", "Weight either way", "hidden", False), Column("actor_kind", "Of", "hidden"),
        Column("actor_id", "Actor", "hidden"),
    )  # fmt: skip
    return Sheet("evidence", "Evidence, for and against", columns, table.select([c.name for c in columns]), "-weight",
                 "No signal had anything to say, for or against.", keep)  # fmt: skip


def decisions(shelf: Shelf, record: Record, given: Given) -> Sheet:
    """Decisions; `state` is live (default), proposed, all; `campaign` or `account` leaves only those on it."""
    state, now = given.get("state", "live"), float(given.get("now") or time.time())
    sql = "SELECT * FROM decisions ORDER BY created_at DESC, decision_id LIMIT 100000"
    rows = record.rows(sql)
    if state == "proposed":
        rows = [r for r in rows if r["state"] == "proposed" and r["expires_at"] > now]
    elif state != "all":
        rows = [r for r in rows if r["state"] in ("proposed", "active") and r["expires_at"] > now]
    keep = {"state": state}
    if campaign := given.get("campaign", ""):
        rows, keep = [r for r in rows if r["campaign_id"] == campaign], {**keep, "campaign": short(campaign)}
    if account := given.get("account", ""):
        named = record.rows("SELECT decision_id FROM members WHERE account_id=?", (account,))
        ids = {r["decision_id"] for r in named}
        rows = [r for r in rows if r["decision_id"] in ids or (r["scope"] == "account" and r["value"] == account)]
        keep = {**keep, "account": short(account)}
    counts = _counts(record, "SELECT decision_id AS k, count(*) AS n FROM members GROUP BY decision_id")
    acted = _counts(record, "SELECT decision_id AS k, sum(acted) AS n FROM usage GROUP BY decision_id")
    would = _counts(record, "SELECT decision_id AS k, sum(would) AS n FROM usage GROUP BY decision_id")
    told = [{
        **r, "state": _state(r, now), "mode": "enforced" if r["mode"] == "enforce" else "simulated",
        "whom": r["value"] if r["scope"] != "campaign" else r["campaign_id"],
        "accounts": counts.get(r["decision_id"], 1), "acted": acted.get(r["decision_id"], 0),
        "would": would.get(r["decision_id"], 0), "action": words(r["action"]),
        **{name: at_time(r[name]) for name in ("created_at", "expires_at")},
    } for r in rows]  # fmt: skip
    columns = (
        Column("decision_id", "Decision", "decision"), Column("action", "Action"), Column("mode", "Mode"),
        Column("state", "State"), Column("scope", "On", "hidden"),
        Column("whom", "Whom", "hidden" if campaign else "whom"),
        Column("accounts", "Accounts", "number"), Column("acted", "Acted", "number"),
        Column("would", "Would have", "number"), Column("expires_at", "Ends", "time"),
        Column("created_at", "Made", "time"), Column("why", "Why", "hidden"),
    )  # fmt: skip
    return sheet_of("decisions", "Decisions", columns, told, sort="-created_at", keep=keep,
                    empty="No decision here.")  # fmt: skip


def appeals(shelf: Shelf, record: Record, given: Given) -> Sheet:
    """Appeals; `open=1` only those that wait, `account` only that account's."""
    rows = record.rows("SELECT * FROM appeals ORDER BY appeal_id DESC LIMIT 100000")
    keep = {}
    if given.get("open"):
        rows, keep = [r for r in rows if r["state"].startswith("open")], {"open": "1"}
    if account := given.get("account", ""):
        rows, keep = [r for r in rows if r["account_id"] == account], {**keep, "account": short(account)}
    columns = (
        Column("appeal_id", "Appeal", "appeal"), Column("account_id", "Account", "account"),
        Column("state", "State"), Column("at", "Brought", "time"), Column("says", "What the customer says", "long"),
        Column("decision_id", "Against", "decision"), Column("campaign_id", "Campaign", "campaign"),
        Column("decided_by", "Answered by"), Column("reason", "Because", "long"),
    )  # fmt: skip
    return sheet_of("appeals", "Appeals", columns, [_timed(r) for r in rows], sort="-at", keep=keep,
                    empty="No appeal waits.")  # fmt: skip


def audit(shelf: Shelf, record: Record, given: Given) -> Sheet:
    """Who did what and when; customers by pseudonym."""
    rows = record.rows("SELECT * FROM audit ORDER BY seq DESC LIMIT 200000")
    columns = (
        Column("seq", "Line", "number"), Column("at", "When", "stamp"), Column("who", "Who"), Column("role", "Role"),
        Column("what", "Did"), Column("subject", "On what", "subject"), Column("details", "Details", "details"),
        Column("hash", "Hash", "hash"),
    )  # fmt: skip
    return sheet_of("audit", "The audit log", columns, rows, sort="-seq", empty="Nobody has done anything yet.")


def verdicts(shelf: Shelf, record: Record, given: Given) -> Sheet:
    """What people concluded; `subject` only on that campaign or account."""
    rows = record.rows("SELECT * FROM verdicts ORDER BY verdict_id DESC LIMIT 100000")
    keep = {}
    if subject := given.get("subject", ""):
        rows, keep = [r for r in rows if r["subject"] == subject], {"subject": short(subject)}
    columns = (
        Column("verdict_id", "Verdict", "number"), Column("kind", "On", "hidden" if subject else "text"),
        Column("subject", "Whom", "hidden" if subject else "whom"),
        Column("verdict", "Concluded"), Column("reason", "Because", "long"), Column("by", "By"),
        Column("at", "When", "time"), Column("score", "Score then", "score"),
        Column("withdrawn_at", "Withdrawn", "time"),
    )  # fmt: skip
    return sheet_of("verdicts", "Verdicts", columns, [_timed(r) for r in rows], sort="-at", keep=keep,
                    empty="Nobody has given a verdict.")  # fmt: skip


def allows(shelf: Shelf, record: Record, given: Given) -> Sheet:
    """Who may pass whatever is decided, those that ended too."""
    rows = record.rows("SELECT * FROM allows ORDER BY allow_id DESC LIMIT 100000")
    columns = (
        Column("decision_id", "Allowance", "decision"), Column("scope", "On"), Column("value", "Whom", "whom"),
        Column("reason", "Because", "long"), Column("until", "Until", "time"), Column("by", "By"),
        Column("at", "Since", "time"), Column("ended_at", "Ended", "time"),
    )  # fmt: skip
    return sheet_of("allows", "Allowances", columns, [_timed(r) for r in rows], sort="-at", empty="No allowance.")


def near(shelf: Shelf, record: Record, given: Given) -> Sheet:
    """Close, and left alone: who scores `mixed` and is in no campaign, groups and lone accounts."""
    rows = [{**row, "whom": row["account_ids"], "accounts": len(row["account_ids"]), "label": "mixed",
             "pro": clean(row["pro"], 400), "against": clean(row["against"], 400)} for row in shelf.near]
    columns = (
        Column("whom", "Whom", "several"), Column("score", "Score", "score"), Column("label", "Label", "hidden"),
        Column("accounts", "Accounts", "number"), Column("exchanges", "Exchanges", "number"),
        Column("pro", "Most for it", "pro"), Column("pro_bits", "Its weight", "hidden"),
        Column("against", "Most against it", "against"), Column("against_bits", "Weight against", "hidden"),
        Column("how", "How linked", "hidden"),
    )  # fmt: skip
    return sheet_of("near", "Close, and left alone", columns, rows, sort="-score",
                    empty="Nobody scores from 20 to 55 without being in a campaign.")  # fmt: skip


def missing(shelf: Shelf, record: Record, given: Given) -> Sheet:
    """Columns that the logs or the accounts file lack, with the signals that need them."""
    from stillwatch.report.catalogue import READ_WHERE_THERE, column_of

    needs: dict[str, list[str]] = {}
    for sign in shelf.signs.values():
        for need in dict.fromkeys(column_of(n).removesuffix(" (accounts file)") for n in sign.needs):
            needs.setdefault(need, []).append(sign.name.replace("_", " "))
    for column, names in READ_WHERE_THERE.items():
        told = needs.setdefault(column, [])
        told += [f"{words(n)} (where it is there)" for n in names if n in shelf.signs and words(n) not in told]
    rows = [{"column": name, "share": share, "signals": ", ".join(needs.get(name, [])) or "none"}
            for name, share in missing_columns(shelf.findings.run).items()]  # fmt: skip
    columns = (Column("column", "Column", "id"), Column("share", "Share of exchanges without it", "share"),
               Column("signals", "Signals that use it", "long"))  # fmt: skip
    return sheet_of("missing", "Columns that are missing", columns, rows, sort="-share", empty="No column is missing.")


def quarantine(shelf: Shelf, record: Record, given: Given) -> Sheet:
    """Why rows of the logs were not taken, or values of them taken as unknown."""
    told = shelf.findings.run.get("rows") or {}
    rows = []
    for name, what in (("reasons", "row put aside"), ("set_unknown", "value taken as unknown")):
        held = told.get(name) if isinstance(told, Mapping) else None
        for reason, n in held.items() if isinstance(held, Mapping) else ():
            if isinstance(n, int):
                rows.append({"what": what, "reason": str(reason), "rows": n})
    columns = (Column("reason", "Reason", "long"), Column("what", "What was done"), Column("rows", "Rows", "number"))
    return sheet_of("quarantine", "Rows and values that were not taken", columns, rows, sort="-rows",
                    empty="Every row was taken as it came.")  # fmt: skip


def shared(shelf: Shelf, record: Record, given: Given) -> Sheet:
    """What the accounts of a campaign share: a row for each value, by how many hold it."""
    id = given.get("campaign", "")
    ties = shelf.pictures.ties.filter(pc.equal(shelf.pictures.ties["campaign_id"], id))
    rows: list[dict[str, Any]] = []
    if ties.num_rows:
        grouped = ties.group_by(["kind", "value_label"]).aggregate(
            [("account_id", "count_distinct"), ("exchanges", "sum")]
        )
        rows = [{"value": r["value_label"], "kind": r["kind"], "accounts": r["account_id_count_distinct"],
                 "exchanges": r["exchanges_sum"]} for r in grouped.to_pylist()]  # fmt: skip
    columns = (Column("value", "Shared value", "value"), Column("kind", "Kind"),
               Column("accounts", "Accounts", "number"), Column("exchanges", "Exchanges", "number"))  # fmt: skip
    kinds = len(kinds_in(shelf.pictures.ties, id))
    caption = f"Values shared in {clean(id, 60)}, of {kinds} kinds" if kinds else f"Values shared in {clean(id, 60)}"
    return sheet_of("shared", caption, columns, rows, sort="-accounts", keep={"campaign": short(id)},
                    empty="The sweep kept no shared value of these accounts.")  # fmt: skip


def history(shelf: Shelf, record: Record, given: Given) -> Sheet:
    """A campaign's score in each sweep that saw it."""
    id = given.get("campaign", "")
    rows = [{**row, "kind": words(row.get("kind"))} for row in shelf.history(id)]
    columns = (Column("at", "Sweep", "stamp"), Column("score", "Score", "score"), Column("kind", "Kind"),
               Column("accounts", "Accounts", "number"), Column("exchanges", "Exchanges", "number"))  # fmt: skip
    return sheet_of("history", f"Score of {clean(id, 60)} from sweep to sweep", columns, rows, sort="-at",
                    keep={"campaign": short(id)}, empty="No sweep has left a score of it yet.")  # fmt: skip


def notes(shelf: Shelf, record: Record, given: Given) -> Sheet:
    """Notes, all or those on a `subject`."""
    rows = record.rows("SELECT * FROM notes ORDER BY note_id DESC LIMIT 100000")
    keep = {}
    if subject := given.get("subject", ""):
        rows, keep = [r for r in rows if r["subject"] == subject], {"subject": short(subject)}
    columns = (Column("at", "When", "time"), Column("by", "By"), Column("subject", "On", "whom"),
               Column("text", "Note", "long"))  # fmt: skip
    return sheet_of("notes", "Notes", columns, [_timed(r) for r in rows], sort="-at", keep=keep,
                    empty="No note yet.")  # fmt: skip


SHEETS: Mapping[str, Callable[[Shelf, Record, Given], Sheet]] = {
    f.__name__: f
    for f in (campaigns, accounts, evidence, decisions, appeals, audit, verdicts, allows, near, missing, quarantine,
              shared, history, notes)
}  # fmt: skip


def words(name: Any) -> str:
    """`account_network` as people say it."""
    return clean(name, 40).replace("_", " ")


def moved(row: Mapping[str, Any], old: Mapping[str, Any] | None, compared: bool) -> str:
    """What changed since the sweep before, in a few words."""
    if not compared:
        return "first sweep"
    if old is None:
        return "new"
    changes = []
    was, now = old.get("score"), row["score"]
    if isinstance(was, (int, float)) and now is not None and abs(now - was) >= 1.0:
        changes.append(f"score {_whole(was)} → {_whole(now)}")
    if old.get("kind") != row["kind"]:
        changes.append(f"was {words(old.get('kind'))}")
    more = (row["accounts"] or 0) - (old.get("accounts") or 0)
    if more:
        changes.append(f"{more:+,} accounts")
    return ", ".join(changes) or "as before"


def _whole(score: float) -> str:
    """A score without decimals, never rounded up to certainty."""
    return score_text(score) if score >= 99.5 else f"{score:.0f}"


def _states(record: Record) -> dict[str, str]:
    """Campaign to what stands on it, the weightiest."""
    rank = {"waits for approval": 3, "enforced": 2, "simulated": 1}
    found: dict[str, str] = {}
    for r in record.rows("SELECT campaign_id, state, mode, action FROM decisions WHERE state IN ('proposed','active') "
                         "AND expires_at > ?", (time.time(),)):  # fmt: skip
        said = "waits for approval" if r["state"] == "proposed" else (
            "enforced" if r["mode"] == "enforce" else "simulated")  # fmt: skip
        told = f"{words(r['action'])}: {said}"
        old = found.get(r["campaign_id"], "")
        if rank[said] > rank.get(old.partition(": ")[2], 0):
            found[r["campaign_id"]] = told
    return found


def _state(row: Mapping[str, Any], now: float) -> str:
    if row["state"] in ("proposed", "active") and row["expires_at"] <= now:
        return "expired"
    return _SHOWN_STATE.get(row["state"], str(row["state"]))


def _counts(record: Record, sql: str) -> dict[str, int]:
    return {r["k"]: int(r["n"] or 0) for r in record.rows(sql)}


def _timed(row: Mapping[str, Any]) -> dict[str, Any]:
    return {k: at_time(v) if k in _TIMES and isinstance(v, (int, float)) else v for k, v in row.items()}


def _with_records(table: pa.Table, records: pa.Table) -> pa.Table:
    """Findings' accounts with `customer` (kind and plan) and `status` from the provider's records, where known."""
    if {"kind", "plan", "status"} <= set(records.column_names) and records.num_rows:
        at = pc.index_in(table["account_id"], value_set=records["account_id"].combine_chunks())
        kind, plan, status = (records[name].take(at) for name in ("kind", "plan", "status"))
        # not null_handling="skip": pyarrow loses a row where both are unknown
        joined = pc.binary_join_element_wise(pc.fill_null(kind, ""), pc.fill_null(plan, ""), ", ")
        trimmed = pc.utf8_trim(joined, ", ")
        customer = pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)
    else:
        customer = status = pa.nulls(table.num_rows, pa.string())
    return table.append_column("customer", customer).append_column("status", status)


def details_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """An audit line's details as a dictionary; empty where they are none."""
    try:
        read = json.loads(row.get("details") or "{}")
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}
