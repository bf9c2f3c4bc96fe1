"""Decisions as they travel from the decision service to a gateway: frozen, JSON, bounded, standard library only.

A delta (`GET /v1/decisions/stream?cursor=N`) is one JSON object:

    {"cursor": 17, "reset": false, "now": 1795420994.9, "known": "<etag of /v1/known>",
     "upsert": [Decision...], "delete": ["decision id"...]}

`cursor` grows with every change. A gateway that asks with a cursor the service does not know gets `reset: true` and
every decision that holds. An upsert replaces the decision of that id whole. The idea of alert, short-lived decision and
a stream of deltas is CrowdSec's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from hashlib import blake2b
from typing import Any

ACTIONS: tuple[str, ...] = ("allow", "watch", "block_new_keys", "trim", "throttle", "step_up", "suspend")
"""By what a request loses, least first; of several that hold the last in this order wins, save that `allow` beats all.
`block_new_keys` takes nothing from a request: it keeps an account or organisation from making keys."""
SCOPES: tuple[str, ...] = ("exchange", "key", "account", "organisation", "campaign")
REASONING: tuple[str, ...] = ("keep", "shorten", "withhold")

LONGEST_ID, LONGEST_SENTENCE = 512, 600
MOST_MEMBERS, MOST_MARKS = 200_000, 4096


class WireError(ValueError):
    """A decision that is not what this module says it is; the message names the field, never its value."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What `throttle` and `trim` mean in numbers; None: not touched.

    `per_minute`: calls a minute and account that still pass (throttle; None: none), `retry_after_s`: what a rejected
    call is told; `logprobs` False: removed; `max_tokens`: the output's cap; `reasoning`: keep, shorten or withhold.
    """

    per_minute: float | None = None
    retry_after_s: int = 60
    logprobs: bool = True
    max_tokens: int | None = None
    reasoning: str = "keep"


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision. Times are epoch seconds, UTC; it holds while ``created_at <= now < expires_at``.

    `value` is the id that `scope` names. For the scope `campaign`, `members` are the account ids that it covers, and an
    account that is unknown to the provider and sends enough of the campaign's `marks` (public fingerprints: openings,
    closings, shingles of its templates; `judge.LEAST_MARKS`) gets `newcomers` instead of `action`. `enforced` False is
    a simulation: to be counted and shown, never to be acted on. `tell` is the sentence that the customer may be told,
    `lift` the role that may lift it.
    """

    decision_id: str
    action: str
    scope: str
    value: str
    created_at: float
    expires_at: float
    enforced: bool = False
    campaign_id: str | None = None
    reason: str = ""
    tell: str = ""
    lift: str = "approver"
    limits: Limits = field(default_factory=Limits)
    members: tuple[str, ...] = ()
    marks: tuple[int, ...] = ()
    newcomers: str = "watch"

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; marks as 16 hex digits, since JSON numbers do not hold 64 bits everywhere."""
        out = asdict(self)
        out["members"] = list(self.members)
        out["marks"] = [f"{mark & 0xFFFFFFFFFFFFFFFF:016x}" for mark in self.marks]
        return out


_TEXTS = {
    "decision_id": LONGEST_ID, "value": LONGEST_ID, "reason": LONGEST_ID, "tell": LONGEST_SENTENCE, "lift": LONGEST_ID,
}  # fmt: skip
_KNOWN = frozenset(f.name for f in fields(Decision))
_LIMITS = frozenset(f.name for f in fields(Limits))


def decision_from(raw: object) -> Decision:
    """A decision from parsed JSON; fields of a later version are passed over. WireError names what is wrong."""
    if not isinstance(raw, Mapping):
        raise WireError("a decision is a JSON object")
    values = {key: raw[key] for key in _KNOWN if key in raw}
    for name, longest in _TEXTS.items():
        if name in values and not _text(values[name], longest):
            raise WireError(f"{name}: text of at most {longest} characters")
    for name in ("decision_id", "value"):
        if not values.get(name):
            raise WireError(f"{name}: missing")
    for name, known in (("action", ACTIONS), ("scope", SCOPES), ("newcomers", ACTIONS)):
        if name in values and values[name] not in known:
            raise WireError(f"{name}: one of {', '.join(known)}")
        if name not in values and name != "newcomers":
            raise WireError(f"{name}: missing")
    for name in ("created_at", "expires_at"):
        if not _number(values.get(name)):
            raise WireError(f"{name}: epoch seconds")
        values[name] = float(values[name])
    if "enforced" in values and not isinstance(values["enforced"], bool):
        raise WireError("enforced: true or false")
    if values.get("campaign_id") is not None and not _text(values["campaign_id"], LONGEST_ID):
        raise WireError("campaign_id: text")
    values["limits"] = _limits(values.get("limits"))
    members = values.get("members", [])
    if not isinstance(members, (list, tuple)) or len(members) > MOST_MEMBERS:
        raise WireError(f"members: a list of at most {MOST_MEMBERS} account ids")
    if not all(_text(member, LONGEST_ID) for member in members):
        raise WireError("members: account ids")
    values["members"] = tuple(members)
    values["marks"] = _marks(values.get("marks", []))
    return Decision(**values)


def account_number(account_id: str) -> int:
    """64 bits of an account id, as the list of known accounts holds it (BLAKE2b, little-endian)."""
    return int.from_bytes(blake2b(account_id.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def _limits(raw: object) -> Limits:
    if raw is None:
        return Limits()
    if not isinstance(raw, Mapping):
        raise WireError("limits: a JSON object")
    values = {key: raw[key] for key in _LIMITS if key in raw}
    per_minute, most = values.get("per_minute"), values.get("max_tokens")
    if per_minute is not None and not (_number(per_minute) and per_minute >= 0):
        raise WireError("limits.per_minute: a number of 0 or more")
    if most is not None and not (isinstance(most, int) and not isinstance(most, bool) and most >= 1):
        raise WireError("limits.max_tokens: a whole number of 1 or more")
    wait = values.get("retry_after_s", 60)
    if not (isinstance(wait, int) and not isinstance(wait, bool) and 0 <= wait <= 86400 * 30):
        raise WireError("limits.retry_after_s: whole seconds, at most 30 days")
    if not isinstance(values.get("logprobs", True), bool):
        raise WireError("limits.logprobs: true or false")
    if values.get("reasoning", "keep") not in REASONING:
        raise WireError(f"limits.reasoning: one of {', '.join(REASONING)}")
    return Limits(**values)


def _marks(raw: object) -> tuple[int, ...]:
    if not isinstance(raw, (list, tuple)) or len(raw) > MOST_MARKS:
        raise WireError(f"marks: a list of at most {MOST_MARKS}")
    try:
        marks = tuple(int(mark, 16) for mark in raw)
    except (TypeError, ValueError) as error:
        raise WireError("marks: 16 hex digits each") from error
    if any(not 0 <= mark < 1 << 64 for mark in marks):
        raise WireError("marks: 16 hex digits each")
    return marks


def _text(value: object, longest: int) -> bool:
    return isinstance(value, str) and len(value) <= longest


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
