"""What takes longer than a page may, or shows text: what-if, common phrases, an exchange that was kept."""

from __future__ import annotations

import math
from importlib.resources import files
from pathlib import Path
from typing import Any

from starlette.responses import RedirectResponse, Response

from stillwatch.console.place import Ask
from stillwatch.console.shelf import slug
from stillwatch.console.show import show
from stillwatch.decide import people
from stillwatch.decide.policy import policy_from
from stillwatch.errors import UsageError
from stillwatch.foresight import foresee
from stillwatch.report.explain import explain
from stillwatch.report.plain_text import clean
from stillwatch.reveal import open_exchange, reveal_phrases
from stillwatch.store import open_store

LEAST_ACCOUNTS, LEAST_ORGANISATIONS = 20, 3
_MOST_LOGS = 200
_LONGEST_ID = 500


def what_if(ask: Ask) -> Response:
    """Ask what a policy would have done; the answer of the latest asking."""
    return show(ask, "what_if.html.j2", job=ask.place.jobs.get("what-if"), policy=_policy_text(ask))


def start_what_if(ask: Ask) -> Response:
    """Begins a replay of what is stored, under the policy in the form."""
    policy = policy_from(ask.given("policy", 200_000), "the policy in the form")
    every, approval = _hours(ask, "every", 24.0), _hours(ask, "approval", 4.0)
    place = ask.place
    ask.place.jobs.start("what-if", lambda tell: (
        foresee(place.home, policy, settings=place.settings, every_hours=every, approval_hours=approval,
                progress=tell), every, approval))  # fmt: skip
    people.looked(ask.record, ask.who, "asked what if", "policy", ask.now, policy=policy.sha256)
    return RedirectResponse("/what-if", 303)


def reveal(ask: Ask) -> Response:
    """The form that asks for a campaign's common phrases, and what came of asking."""
    id, shelf = ask.named(), ask.shelf
    row = shelf.by_campaign.get(id)
    if row is None:
        raise UsageError(clean(id, 60), "there is no such campaign", "Today lists those of the latest sweep")
    inputs = shelf.findings.run.get("inputs") or []
    logs = [str(i.get("path", "")) for i in inputs if isinstance(i, dict)] if isinstance(inputs, list) else []
    return show(
        ask,
        "reveal.html.j2",
        id=id,
        row=row,
        title=clean(row["title"], 160) or clean(id, 60),
        logs="\n".join(clean(log, 1000) for log in logs[:_MOST_LOGS] if log and log != "-"),
        job=ask.place.jobs.get(_reveal_name(ask, id)),
        k=LEAST_ACCOUNTS,
        organisations=LEAST_ORGANISATIONS,
    )


def start_reveal(ask: Ask) -> Response:
    """Begins the second pass over the logs, after a line in the audit log: who, when, for what."""
    id, place = ask.named(), ask.place
    if id not in ask.shelf.by_campaign:
        raise UsageError(clean(id, 60), "there is no such campaign", "Today lists those of the latest sweep")
    reason = _reason(ask)
    logs = [line.strip() for line in ask.given("logs", 100_000).split("\n") if line.strip()][:_MOST_LOGS]
    people.looked(ask.record, ask.who, "revealed common phrases", id, ask.now, reason=reason, logs=len(logs),
                  k=LEAST_ACCOUNTS, organisations=LEAST_ORGANISATIONS)  # fmt: skip
    ask.place.jobs.start(_reveal_name(ask, id), lambda tell: reveal_phrases(
        place.home, id, logs, k=LEAST_ACCOUNTS, least_orgs=LEAST_ORGANISATIONS, settings=place.settings,
        progress=tell))  # fmt: skip
    return RedirectResponse(f"/reveal/{slug(id)}", 303)


def exchange(ask: Ask) -> Response:
    """What is kept of one exchange: numbers and names; its text only where it is kept, and only after saying why."""
    return _exchange(ask, dict(ask.query).get("id", ""), None)


def open_text(ask: Ask) -> Response:
    """Opens the kept text of one exchange, after a line in the audit log."""
    id = ask.given("id", _LONGEST_ID)
    people.looked(ask.record, ask.who, "opened an exchange", clean(id, 200), ask.now, reason=_reason(ask))
    return _exchange(ask, id, open_exchange(ask.place.home, id) or "none")


def _exchange(ask: Ask, id: str, text: Any) -> Response:
    shelf = ask.shelf
    store = open_store(ask.place.home)
    try:
        told = explain(shelf.findings, id, store, signs=shelf.signs, rules=ask.place.rules)
    finally:
        store.close()
    if told.kind != "exchange":
        kind = "campaigns" if told.kind == "campaign" else "accounts"
        return RedirectResponse(f"/{kind}/{slug(id)}", 303)
    return show(
        ask,
        "exchange.html.j2",
        id=id,
        told=told,
        text=text,
        keeps=ask.place.settings.ingest.keep_text_days > 0 or (ask.place.home / "text").is_dir(),
    )


def _reveal_name(ask: Ask, id: str) -> str:
    """Each person asks for themselves: what one was shown, another has to ask for, too."""
    return f"reveal {ask.who.name} {id}"


def _policy_text(ask: Ask) -> str:
    chosen = ask.place.settings.decide.policy
    if chosen:
        try:
            return Path(chosen).read_text("utf-8-sig")[:200_000]
        except (OSError, UnicodeDecodeError):
            pass
    return files("stillwatch.decide").joinpath("default_policy.toml").read_text("utf-8")


def _reason(ask: Ask) -> str:
    reason = ask.given("reason", people.LONGEST_REASON)
    if not reason.strip():
        raise UsageError("reason", "is missing", "say what for, in a sentence: it is kept in the audit log")
    return reason


def _hours(ask: Ask, name: str, otherwise: float) -> float:
    try:
        value = float(ask.given(name) or otherwise)
    except ValueError as error:
        raise UsageError(name, "is no number of hours") from error
    if not math.isfinite(value) or not 0.0 <= value <= 24 * 365 or (name == "every" and value < 0.5):
        raise UsageError(name, "lies outside 0 to 8760 hours (every: from 0.5)")
    return value
