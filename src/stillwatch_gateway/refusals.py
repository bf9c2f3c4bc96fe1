"""What a client is told: the answer to a refused call, and the response headers of one that was trimmed.

Nothing is altered in secret: whatever was withheld is named in `x-stillwatch-withheld`, by which decision in
`x-stillwatch-decision`, and why in `x-stillwatch-reason`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from stillwatch_gateway.wire import Decision

WITHHELD, DECISION, REASON = "x-stillwatch-withheld", "x-stillwatch-decision", "x-stillwatch-reason"
REFUSING: dict[str, int] = {"step_up": 403, "throttle": 429, "suspend": 403}
"""Actions that refuse a call, and their HTTP status."""
_SENTENCES = {
    "step_up": "This account must be verified before it is served.",
    "throttle": "This account has reached the rate it is allowed at present.",
    "suspend": "This account is suspended.",
}
_NOT_PLAIN = re.compile(r"[^\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Refusal:
    """An HTTP answer: status, the JSON body's `error` object, headers (lower-case names, plain ASCII values)."""

    status: int
    error: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


def refusal_of(action: str, decision: Decision | None, *, verify_url: str = "") -> Refusal | None:
    """The answer to a call that `action` refuses; None for the actions that refuse none.

    The message is the decision's `tell` (or a plain sentence), the reason code, the decision's id to appeal with and,
    for `step_up`, where to verify: some gateways pass nothing but the message on. A newcomer to a campaign is not told
    the sentence meant for its accounts, which accuses.
    """
    status = REFUSING.get(action)
    if status is None:
        return None
    if decision is not None and decision.action != action:
        decision = replace(decision, tell="", reason=f"{decision.reason}_newcomer" if decision.reason else "")
    error: dict[str, Any] = {"type": "stillwatch_" + action, "code": action, "param": None}
    message = decision.tell if decision is not None and decision.tell else _SENTENCES[action]
    headers: dict[str, str] = {}
    if decision is not None:
        error |= {"reason": decision.reason, "decision_id": decision.decision_id, "expires_at": decision.expires_at}
        noted = ", ".join(part for part in (decision.reason, f"decision {decision.decision_id}") if part)
        message = f"{message} ({noted})"
        headers = decision_headers(decision, ())
    if action == "step_up" and verify_url:
        error["verify_url"] = verify_url
        message = f"{message} Verify at {verify_url}"
    if action == "throttle":
        wait = decision.limits.retry_after_s if decision is not None else 60
        error["retry_after_s"] = wait
        headers["retry-after"] = str(wait)
    return Refusal(status, error | {"message": message}, headers)


def decision_headers(decision: Decision, withheld: Iterable[str]) -> dict[str, str]:
    """The three headers; without `x-stillwatch-withheld` where nothing was withheld."""
    headers = {DECISION: header_value(decision.decision_id)}
    if decision.reason:
        headers[REASON] = header_value(decision.reason)
    told = ", ".join(withheld)
    if told:
        headers[WITHHELD] = told
    return headers


def header_value(text: str) -> str:
    """Plain ASCII without spaces or line breaks, at most 200 characters: ids come from outside."""
    return _NOT_PLAIN.sub("_", text)[:200]
