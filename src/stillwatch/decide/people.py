"""What people do: approve, refuse, lift, decide by hand, allow, give a verdict, note, bring an appeal and answer it.

Each is one transaction with its line in the audit log, and takes effect for gateways at once: the decisions that it
touches go into the stream.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from stillwatch.decide.appeals import ask_instead
from stillwatch.decide.decide import tell_people
from stillwatch.decide.live import held_back, holding, live_rows, members_of, touch
from stillwatch.decide.policy import STRONG
from stillwatch.decide.record import LIVE, UNDONE, Record, Who
from stillwatch.decide.writing import end, insert
from stillwatch.errors import UsageError
from stillwatch_gateway.wire import ACTIONS, LONGEST_ID, LONGEST_SENTENCE, SCOPES, Limits

RANK = {"reader": 0, "gateway": 0, "analyst": 1, "approver": 2, "system": 3}
LONGEST_REASON = 2000
VERDICTS = ("confirm", "wrong")
MOST_OPEN_APPEALS = 3
"""Of one account at a time: an appeal is heard, a flood of them is not."""


def approve(record: Record, who: Who, decision_id: str, now: float, *, note: str = "") -> None:
    """Makes a waiting decision hold. UsageError where it does not wait, or who asked for it would approve it."""
    need_role(who, "approver", "approve")
    with record.act() as db:
        row = _live(record, decision_id, now)
        if row["state"] != "proposed":
            raise UsageError(
                decision_id, "holds already, so it does not wait for approval", f"stillwatch lift {decision_id} ends it"
            )
        if row["proposed_by"] == who.name:
            raise UsageError(decision_id, "was asked for by the same person", "another approver must look at it")
        db.execute("INSERT OR IGNORE INTO approved SELECT * FROM members WHERE decision_id=?", (decision_id,))
        members = len(members_of(record, decision_id))
        db.execute(
            "UPDATE decisions SET state='active', approved_at=?, approved_by=?, approved_members=?, expires_at=? "
            "WHERE decision_id=?",
            (now, who.name, members, now + 3600.0 * row["hours"], decision_id),
        )
        record.changed(decision_id, now)
        for other in live_rows(record, now):
            if _gives_way(other, row):
                end(record, other["decision_id"], "replaced", who.name, f"{decision_id} was approved", now)
        ask_instead(record, now)
        record.audit(who, "approved", decision_id, now, accounts=members, note=_text("note", note, LONGEST_REASON))
        tell_people(record, "approved", decision_id, now, members)


def _gives_way(other: dict[str, Any], approved: dict[str, Any]) -> bool:
    """Whether a decision of the policy on the same campaign ends because this one was approved."""
    if approved["campaign_id"] is None or other["campaign_id"] != approved["campaign_id"]:
        return False
    if other["rule"] is None or other["variant"] in ("appeal", "joined"):
        return False
    again = other["variant"] == approved["variant"] and other["key"] != approved["key"]
    return bool(other["rule"] != approved["rule"] or again)


def refuse(record: Record, who: Who, decision_id: str, now: float, *, reason: str) -> None:
    """Ends a waiting decision; the same row does not propose it again before a day has passed."""
    need_role(who, "approver", "refuse")
    with record.act():
        if _live(record, decision_id, now)["state"] != "proposed":
            raise UsageError(decision_id, "does not wait for approval", "stillwatch lift ends one that holds")
        end(record, decision_id, "refused", who.name, _reason(reason), now)
        ask_instead(record, now)
        record.audit(who, "refused", decision_id, now, reason=reason)


def lift(record: Record, who: Who, decision_id: str, now: float, *, reason: str) -> None:
    """Ends a decision that holds, or an allowance, at once. The newcomers of a campaign go free with it."""
    if record.rows("SELECT 1 FROM allows WHERE decision_id=?", (decision_id,)):
        end_allow(record, who, decision_id, now, reason=reason)
        return
    with record.act():
        row = _live(record, decision_id, now)
        need_role(who, row["lift"], "lift this decision")
        end(record, decision_id, "lifted", who.name, _reason(reason), now)
        live = [r for r in live_rows(record, now) if r["scope"] == "campaign"]
        left = [r for r in live if r["campaign_id"] == row["campaign_id"]]
        if row["scope"] == "campaign" and all(r["variant"] == "joined" for r in left):
            for joined in left:
                end(record, joined["decision_id"], "lifted", who.name, f"{decision_id} was lifted", now)
        ask_instead(record, now)
        record.audit(who, "lifted", decision_id, now, reason=reason, action=row["action"])


def decide_by_hand(
    record: Record, who: Who, now: float, *, action: str, scope: str, value: str, reason: str, tell: str = "",
    hours: float = 24.0, enforce: bool = False, limits: Limits | None = None, members: Sequence[str] = (),
) -> str:  # fmt: skip
    """A person's own decision; its id. A suspension of a campaign waits for another person's approval."""
    limits = limits or Limits()
    need_role(who, "approver" if action in STRONG else "analyst", f"decide {action}")
    if action not in ACTIONS or action == "allow":
        raise UsageError("action", f"one of {', '.join(a for a in ACTIONS if a != 'allow')}", "stillwatch allow allows")
    if scope not in SCOPES:
        raise UsageError("scope", f"one of {', '.join(SCOPES)}")
    _id("value", value)
    if not math.isfinite(hours) or not 0 < hours <= 24 * 90:
        raise UsageError("hours", "must be above 0 and at most 2160", "decisions end by themselves; renew them")
    if action in STRONG and not tell:
        raise UsageError("tell", "is missing", "say what the customer may be told")
    if scope == "campaign" and not members:
        raise UsageError("members", "are missing", "a campaign's decision by hand names the accounts that it holds for")
    waits = action in ("suspend", "block_new_keys") and scope in ("campaign", "organisation")
    digest = hashlib.sha256(f"{who.name}\0{scope}\0{value}\0{now!r}\0{record.cursor()}".encode()).hexdigest()
    decision_id = f"D-{digest[:12]}"
    with record.act():
        insert(record, {
            "decision_id": decision_id, "key": f"by hand:{decision_id}", "variant": "by hand", "rule": None,
            "policy": None, "mode": "enforce" if enforce else "simulate", "approval": int(waits),
            "state": "proposed" if waits else "active", "action": action, "scope": scope, "value": value,
            "campaign_id": value if scope == "campaign" else None, "reason": _text("reason", reason, 80) or "by_hand",
            "tell": _text("tell", tell, LONGEST_SENTENCE), "lift": "approver", "newcomers": "watch",
            "limits": json.dumps(asdict(limits)), "marks": "[]", "created_at": now, "expires_at": now + 3600.0 * hours,
            "hours": hours, "why": f"by hand, {who.name}", "score": None, "proposed_by": who.name,
        }, [_id("member", m) for m in members], now)  # fmt: skip
        ask_instead(record, now)
        record.audit(who, "proposed" if waits else "made", decision_id, now, action=action, scope=scope,
                     enforce=enforce, hours=hours, reason=reason,
                     value=record.pseudonym(value) if scope == "account" else value)  # fmt: skip
        if action in STRONG:
            tell_people(record, "waits for approval" if waits else "decided", decision_id, now, len(members) or 1)
    return decision_id


def allow(
    record: Record, who: Who, now: float, *, scope: str, value: str, reason: str, until: float | None = None
) -> str:
    """Lets an account, key or organisation pass whatever else is decided, until a time or until it is ended; its id."""
    need_role(who, "approver", "allow")
    if scope not in ("account", "key", "organisation"):
        raise UsageError("scope", "one of account, key, organisation")
    if until is not None and until <= now:
        raise UsageError("until", "has passed", "give a time that is to come")
    _id("value", value)
    decision_id = f"A-{_digest(record, scope, value, now)}"
    with record.act() as db:
        _let_pass(record, who, now, decision_id, f"allow:{scope}:{value}", scope, value, _reason(reason), until)
        db.execute(
            "INSERT INTO allows(decision_id, scope, value, reason, until, by, at) VALUES(?, ?, ?, ?, ?, ?, ?)",
            (decision_id, scope, value, reason, until, who.name, now),
        )
        if scope == "account":
            touch(record, [value], now)
        subject = record.pseudonym(value) if scope == "account" else value
        record.audit(who, "allowed", decision_id, now, scope=scope, value=subject, reason=reason, until=until)
    return decision_id


def _let_pass(
    record: Record, who: Who, now: float, decision_id: str, key: str, scope: str, value: str, why: str,
    until: float | None,
) -> None:  # fmt: skip
    """The decision by which gateways let somebody pass, inside an act."""
    ends = now + 3600.0 * 24 * 365 * 100 if until is None else until
    insert(record, {
        "decision_id": decision_id, "key": key, "variant": "allow", "rule": None, "policy": None, "mode": "enforce",
        "approval": 0, "state": "active", "action": "allow", "scope": scope, "value": value, "campaign_id": None,
        "reason": "allowed", "tell": "", "lift": "approver", "newcomers": "watch",
        "limits": json.dumps(asdict(Limits())), "marks": "[]", "created_at": now, "expires_at": ends,
        "hours": (ends - now) / 3600.0, "why": why, "score": None, "proposed_by": who.name,
    }, (), now)  # fmt: skip


def _digest(record: Record, what: str, value: str, now: float) -> str:
    return hashlib.sha256(f"{what}\0{value}\0{now!r}\0{record.cursor()}".encode()).hexdigest()[:12]


def end_allow(record: Record, who: Who, decision_id: str, now: float, *, reason: str) -> None:
    """Ends an allowance."""
    need_role(who, "approver", "end an allowance")
    with record.act() as db:
        found = record.rows("SELECT * FROM allows WHERE decision_id=? AND ended_at IS NULL", (decision_id,))
        if not found:
            raise UsageError(decision_id, "is no allowance that holds", "stillwatch decisions --allowed")
        db.execute("UPDATE allows SET ended_at=? WHERE decision_id=?", (now, decision_id))
        end(record, decision_id, "lifted", who.name, _reason(reason), now)
        if found[0]["scope"] == "account":
            touch(record, [found[0]["value"]], now)
        record.audit(who, "allowance ended", decision_id, now, reason=reason)


def give_verdict(
    record: Record, who: Who, now: float, *, kind: str, subject: str, verdict: str, reason: str,
    accounts: Iterable[str] = (), score: float | None = None, price: float = 0.0,
) -> int:  # fmt: skip
    """`confirm` or `wrong` on a `campaign` or `account`; its number. `wrong` undoes what was decided, at once.

    `accounts` are those of the campaign, `score` (percent) what stillwatch had said, `price` (bits) what looking
    again had cost it: calibration reads both.
    """
    need_role(who, "analyst", "give a verdict")
    if kind not in ("campaign", "account"):
        raise UsageError("kind", "one of campaign, account")
    if verdict not in VERDICTS:
        raise UsageError("verdict", f"one of {', '.join(VERDICTS)}")
    _id("subject", subject)
    named = [_id("account", a) for a in accounts]
    with record.act():
        return _verdict(record, who, now, kind, subject, verdict, _reason(reason), named, score, price)


def _verdict(
    record: Record, who: Who, now: float, kind: str, subject: str, verdict: str, reason: str, accounts: Sequence[str],
    score: float | None = None, price: float = 0.0,
) -> int:  # fmt: skip
    """The same inside an act."""
    touched = {subject} if kind == "account" else {*accounts, *_ever_named(record, subject)}
    for earlier in record.rows(
        "SELECT verdict_id FROM verdicts WHERE kind=? AND subject=? AND withdrawn_at IS NULL", (kind, subject)
    ):
        _withdraw(record, who, earlier["verdict_id"], now)
    number = record.db.execute(
        "INSERT INTO verdicts(kind, subject, verdict, reason, by, at, score, price) VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
        (kind, subject, verdict, reason, who.name, now, score, price),
    ).lastrowid
    assert number is not None
    record.db.executemany("INSERT OR IGNORE INTO verdict_accounts VALUES(?, ?)", [(number, a) for a in touched])
    if verdict == "wrong" and kind == "campaign":
        for row in live_rows(record, now):
            if row["campaign_id"] == subject:
                end(record, row["decision_id"], "lifted", who.name, UNDONE, now)
    if verdict == "wrong" and kind == "account":
        # A gateway that saw the account join a campaign by itself is told in words that it may pass.
        _let_pass(record, who, now, f"D-{_digest(record, 'freed', subject, now)}", f"freed:{number}", "account",
                  subject, f"verdict {number}: wrong", None)  # fmt: skip
    touch(record, touched, now)
    ask_instead(record, now, subject if kind == "account" else None)
    named = record.pseudonym(subject) if kind == "account" else subject
    record.audit(who, f"verdict {verdict}", named, now, reason=reason, score=score, accounts=len(touched))
    if verdict == "wrong":
        record.alert("verdict wrong", now, {"kind": kind, "campaign_id": subject if kind == "campaign" else None,
                                            "reason": reason, "accounts": len(touched)})  # fmt: skip
    return number


def _ever_named(record: Record, campaign_id: str) -> list[str]:
    """Accounts that decisions on a campaign named, also before the latest findings, and its newcomers."""
    found = record.rows(
        "SELECT account_id FROM members JOIN decisions USING(decision_id) WHERE campaign_id=? "
        "UNION SELECT account_id FROM joined WHERE campaign_id=?",
        (campaign_id, campaign_id),
    )
    return [row["account_id"] for row in found]


def _withdraw(record: Record, who: Who, number: int, now: float) -> None:
    record.db.execute("UPDATE verdicts SET withdrawn_at=? WHERE verdict_id=?", (now, number))
    for row in live_rows(record, now):
        if row["key"] == f"freed:{number}":
            end(record, row["decision_id"], "lifted", who.name, f"verdict {number} was taken back", now)
    found = record.rows("SELECT account_id FROM verdict_accounts WHERE verdict_id=?", (number,))
    touch(record, [row["account_id"] for row in found], now)


def withdraw_verdict(record: Record, who: Who, number: int, now: float, *, reason: str = "") -> None:
    """Takes a verdict back; the next `decide` no longer heeds it. The reason, if any, stands in the audit log."""
    need_role(who, "analyst", "withdraw a verdict")
    with record.act():
        if not record.rows("SELECT 1 FROM verdicts WHERE verdict_id=? AND withdrawn_at IS NULL", (number,)):
            raise UsageError(f"verdict {number}", "is none that stands", "stillwatch decisions --verdicts lists them")
        _withdraw(record, who, number, now)
        ask_instead(record, now)
        record.audit(who, "verdict withdrawn", f"verdict {number}", now, reason=_text("reason", reason, LONGEST_REASON))


def appeal(record: Record, who: Who, account_id: str, now: float, *, says: str, soften: str = "step_up") -> int:
    """A customer's appeal, as brought in by the provider's own support; its number.

    While it is open, a suspension of the account becomes `soften` (`step_up`: verify and go on; `keep`: as it is), also
    one that comes later; what takes less than that from the account stays as it is.
    """
    need_role(who, "analyst", "enter an appeal")
    _id("account", account_id)
    if not says.strip():
        raise UsageError("appeal", "says nothing", "give the customer's own words")
    open_ = record.rows("SELECT 1 FROM appeals WHERE account_id=? AND state LIKE 'open%'", (account_id,))
    if len(open_) >= MOST_OPEN_APPEALS:
        raise UsageError("appeal", "this account has open ones already", "answer those first")
    held = [r for r in holding(record, account_id, now) if r["action"] in STRONG and r["variant"] != "appeal"]
    first = held[0] if held else None
    with record.act() as db:
        number = db.execute(
            "INSERT INTO appeals(account_id, decision_id, campaign_id, says, at, state) VALUES(?, ?, ?, ?, ?, ?)",
            (account_id, first and first["decision_id"], first and first["campaign_id"], says[:LONGEST_REASON], now,
             "open" if soften != "keep" else "open, kept"),
        ).lastrowid  # fmt: skip
        touch(record, [account_id], now)
        ask_instead(record, now, account_id)
        record.audit(
            who, "appeal", record.pseudonym(account_id), now, appeal=number, decision=first and first["decision_id"]
        )
        record.alert("appeal", now, {"appeal": number, "campaign_id": first and first["campaign_id"],
                                     "decision_id": first and first["decision_id"]})  # fmt: skip
    assert number is not None
    return number


def answer_appeal(record: Record, who: Who, number: int, now: float, *, granted: bool, reason: str) -> None:
    """Ends an appeal, in one act. Granted: the account is free at once, held to be accused wrongly from then on."""
    need_role(who, "approver", "answer an appeal")
    _reason(reason)
    with record.act() as db:
        found = record.rows("SELECT * FROM appeals WHERE appeal_id=? AND state LIKE 'open%'", (number,))
        if not found:
            raise UsageError(f"appeal {number}", "is none that is open", "stillwatch decisions --appeals")
        account_id = found[0]["account_id"]
        said = "granted" if granted else "rejected"
        db.execute(
            "UPDATE appeals SET state=?, decided_by=?, decided_at=?, reason=? WHERE appeal_id=?",
            (said, who.name, now, reason, number),
        )
        touch(record, [account_id], now)
        record.audit(who, f"appeal {said}", record.pseudonym(account_id), now, appeal=number, reason=reason)
        if granted:
            because = f"appeal {number}: {reason}"[:LONGEST_REASON]
            _verdict(record, who, now, "account", account_id, "wrong", because, ())
        ask_instead(record, now, account_id)


def note(record: Record, who: Who, now: float, *, kind: str, subject: str, text: str) -> int:
    """Keeps an analyst's note on a `campaign` or `account`; its number. The audit log says that it was, not what."""
    need_role(who, "analyst", "write a note")
    if kind not in ("campaign", "account"):
        raise UsageError("kind", "one of campaign, account")
    _id("subject", subject)
    if not text.strip():
        raise UsageError("note", "is empty", "write what a colleague should know")
    with record.act() as db:
        number = db.execute(
            "INSERT INTO notes(kind, subject, text, by, at) VALUES(?, ?, ?, ?, ?)",
            (kind, subject, _text("note", text, LONGEST_REASON), who.name, now),
        ).lastrowid
        named = record.pseudonym(subject) if kind == "account" else subject
        record.audit(who, "noted", named, now, note=number, characters=len(text))
    assert number is not None
    return number


def looked(record: Record, who: Who, what: str, subject: str, now: float, **details: Any) -> None:
    """Leaves a line in the audit log that somebody looked at what is not open to everybody, before it is shown."""
    need_role(who, "analyst", what)
    with record.act():
        record.audit(who, what, subject, now, **details)


def may_be_told(record: Record, account_id: str, now: float) -> list[str]:
    """The sentences that a customer may be told of what holds now: enforced decisions only, less what an allowance, a
    verdict or an open appeal has taken from them."""
    return [
        row["tell"]
        for row in held_back(record, account_id, now)
        if row["tell"] and row["state"] == "active" and row["mode"] == "enforce"
    ]


def _live(record: Record, decision_id: str, now: float) -> dict[str, Any]:
    found = record.rows("SELECT * FROM decisions WHERE decision_id=?", (decision_id,))
    if not found:
        raise UsageError(decision_id[:60], "there is no such decision", "stillwatch decisions lists them")
    if found[0]["state"] not in LIVE or found[0]["expires_at"] <= now:
        raise UsageError(decision_id, "has ended already", "stillwatch decisions lists those that hold")
    return found[0]


def need_role(who: Who, role: str, what: str) -> None:
    """UsageError where somebody\'s role is not enough for what they are about to do."""
    if RANK.get(who.role, -1) < RANK[role] or who.role == "gateway":
        raise UsageError(who.name[:60] or "you", f"may not {what}: it takes the role {role}", "ask somebody who has it")


def _id(where: str, value: str) -> str:
    if not isinstance(value, str) or not value or len(value) > LONGEST_ID:
        raise UsageError(where, f"must be text of 1 to {LONGEST_ID} characters")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise UsageError(where, "is not UTF-8") from error
    return value


def _text(where: str, value: str, longest: int) -> str:
    if len(value) > longest:
        raise UsageError(where, f"longer than {longest} characters", "say it shorter")
    return value


def _reason(value: str) -> str:
    if not value.strip():
        raise UsageError("reason", "is missing", "say why, in a sentence: it is kept and can be asked for")
    return _text("reason", value, LONGEST_REASON)
