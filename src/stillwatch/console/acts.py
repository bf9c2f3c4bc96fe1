"""What a person does here: each form calls one function of `decide`, which writes it with its line in the audit log."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response

from stillwatch import pipeline
from stillwatch.console.place import Ask, local_path
from stillwatch.console.sessions import COOKIE
from stillwatch.console.show import THEME_COOKIE, THEMES
from stillwatch.decide import people
from stillwatch.decide.policy import read_policy
from stillwatch.decide.verdicts import verdict_on
from stillwatch.errors import UsageError

_A_YEAR_S = 365 * 24 * 3600


def theme(ask: Ask) -> Response:
    """Keeps the theme in a cookie."""
    chosen = ask.given("theme")
    answer = _back(ask)
    if chosen in THEMES:
        answer.set_cookie(THEME_COOKIE, chosen, max_age=_A_YEAR_S, path="/", httponly=True, samesite="strict")
    return answer


def log_out(ask: Ask) -> Response:
    """Ends the session."""
    ask.place.sessions.end(ask.request.cookies.get(COOKIE))
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE, path="/")
    return answer


def decide(ask: Ask) -> Response:
    """Brings the decisions in line with the latest findings, under the policy that is set."""
    policy = _policy(ask)
    decided = pipeline.decide(ask.place.home, policy, settings=ask.place.settings)
    people.looked(ask.record, ask.who, "asked to decide", "decisions", ask.now, policy=policy.sha256)
    return _said(ask, f"Decided under {policy.origin}: {len(decided.new)} new, {len(decided.renewed)} renewed, "
                      f"{len(decided.waiting)} waiting for approval.")  # fmt: skip


def approve(ask: Ask) -> Response:
    """Makes a waiting decision hold."""
    id = _decision(ask)
    people.approve(ask.record, ask.who, id, ask.now, note=ask.given("note"))
    return _said(ask, f"{id} holds now. Gateways learn of it at once.")


def refuse(ask: Ask) -> Response:
    """Ends a waiting decision."""
    id = _decision(ask)
    people.refuse(ask.record, ask.who, id, ask.now, reason=ask.given("reason"))
    return _said(ask, f"{id} is refused.")


def lift(ask: Ask) -> Response:
    """Ends a decision or an allowance that holds."""
    id = _decision(ask)
    act = people.end_allow if id.startswith("A-") else people.lift
    act(ask.record, ask.who, id, ask.now, reason=ask.given("reason"))
    return _said(ask, f"{id} is lifted.")


def by_hand(ask: Ask) -> Response:
    """A person's own decision on a campaign or an account."""
    scope, value = ask.given("scope"), ask.subject("value")
    members: list[str] = []
    if scope == "campaign":
        row = ask.shelf.by_campaign.get(value)
        if row is None:
            raise UsageError("campaign", "there is no such campaign", "choose one of the latest sweep")
        members = list(row["account_ids"] or [])
    made = people.decide_by_hand(
        ask.record, ask.who, ask.now, action=ask.given("action"), scope=scope, value=value,
        reason=ask.given("reason"), tell=ask.given("tell"), hours=_number(ask, "hours", 24.0),
        enforce=ask.given("mode") == "enforce", members=members,
    )  # fmt: skip
    ask.session.said = (f"{made} is made.",)
    return RedirectResponse(f"/decisions/{quote(made, safe='')}", 303)


def allow(ask: Ask) -> Response:
    """Lets an account pass whatever is decided."""
    until = ask.given("until")
    made = people.allow(
        ask.record, ask.who, ask.now, scope=ask.given("scope"), value=ask.subject("value"),
        reason=ask.given("reason"), until=_day(until) if until else None,
    )  # fmt: skip
    return _said(ask, f"{made}: it passes now, whatever else is decided.")


def verdict(ask: Ask) -> Response:
    """`confirm` or `wrong` on a campaign or an account."""
    kind, what = ask.given("kind"), ask.given("verdict")
    verdict_on(ask.place.home, ask.record, ask.who, kind, ask.subject("subject"), what, ask.given("reason"),
               ask.now)  # fmt: skip
    undone = " What was decided is undone, at once." if what == "wrong" else ""
    return _said(ask, f"Your verdict on this {kind} is kept.{undone}")


def withdraw(ask: Ask) -> Response:
    """Takes a verdict back."""
    people.withdraw_verdict(ask.record, ask.who, _small(ask), ask.now)
    return _said(ask, "The verdict is withdrawn; the next `decide` no longer heeds it.")


def appeal(ask: Ask) -> Response:
    """Enters a customer's appeal."""
    number = people.appeal(
        ask.record, ask.who, ask.subject("account"), ask.now, says=ask.given("says"),
        soften=_policy(ask).appeal_while_open,
    )  # fmt: skip
    return _said(ask, f"Appeal {number} is entered.")


def answer(ask: Ask) -> Response:
    """Grants or rejects an appeal."""
    granted = ask.given("answer") == "grant"
    if not granted and ask.given("answer") != "reject":
        raise UsageError("answer", "one of grant, reject")
    people.answer_appeal(ask.record, ask.who, _small(ask), ask.now, granted=granted, reason=ask.given("reason"))
    return _said(ask, "The appeal is granted: the account is free at once." if granted else "The appeal is rejected.")


def note(ask: Ask) -> Response:
    """Keeps a note for colleagues."""
    people.note(ask.record, ask.who, ask.now, kind=ask.given("kind"), subject=ask.subject("subject"),
                text=ask.given("text"))  # fmt: skip
    return _said(ask, "Your note is kept.")


def _policy(ask: Ask) -> Any:
    chosen = ask.place.settings.decide.policy
    return read_policy(Path(chosen) if chosen else None)


def _decision(ask: Ask) -> str:
    return str(ask.request.path_params["id"])[:200]


def _small(ask: Ask) -> int:
    number = int(ask.request.path_params["number"])
    if number >= 1 << 53:
        raise UsageError(str(number)[:30], "is no number of ours")
    return number


def _number(ask: Ask, name: str, otherwise: float) -> float:
    given = ask.given(name)
    try:
        value = float(given) if given else otherwise
    except ValueError as error:
        raise UsageError(name, "is no number") from error
    if not math.isfinite(value):
        raise UsageError(name, "is no number")
    return value


def _day(text: str) -> float:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
    except ValueError as error:
        raise UsageError("until", "is no day", "such as 2027-01-31") from error


def _said(ask: Ask, says: str) -> Response:
    ask.session.said = (says,)
    return _back(ask)


def _back(ask: Ask) -> Response:
    return RedirectResponse(local_path(ask.given("back")), 303)
