"""Deltas as bytes from the service, read decision by decision: a bad one is counted and does not spoil the rest."""

from __future__ import annotations

import json
from functools import lru_cache
from sys import intern
from typing import Any, NamedTuple

from stillwatch_gateway.quiet import give_way
from stillwatch_gateway.wire import LONGEST_ID, Decision, Limits, WireError, decision_from

LONGEST_DELTA = 256 << 20
"""Bytes of a delta; a longer one is not read."""
MOST_JUNK = 10_000
"""Elements of a delta's lists that are nothing like a decision, or an id; of more, the whole is none."""


class Delta(NamedTuple):
    """One answer of the decision service, or a saved snapshot. `bad`: decisions and deletions that were none;
    `bad_ids`: the ids of those whose id could be read; `known`: the tag of the service's list of known accounts;
    `age_s`: the service said so that many seconds ago (`now` is its time at present all the same)."""

    cursor: int | None
    reset: bool = False
    now: float | None = None
    known: str | None = None
    upsert: tuple[Decision, ...] = ()
    delete: tuple[str, ...] = ()
    bad: int = 0
    bad_ids: tuple[str, ...] = ()
    age_s: float = 0.0


class _Bad(NamedTuple):
    decision_id: str | None


def read_delta(raw: bytes | str) -> Delta:
    """A delta from JSON. WireError where the whole is none (its decisions are judged one by one)."""
    if len(raw) > LONGEST_DELTA:
        raise WireError(f"a delta of at most {LONGEST_DELTA} bytes")
    seen = 0

    def objects(found: dict[str, Any]) -> Any:
        nonlocal seen
        if "decision_id" not in found:
            return found
        seen += 1
        if seen % 64 == 0:
            give_way()
        return decision_or_bad(found)

    try:
        text = raw if isinstance(raw, str) else raw.decode("utf-8", "surrogatepass")
        parsed = _object_in(text, json.JSONDecoder(object_hook=objects))
    except (ValueError, RecursionError) as error:
        raise WireError("a delta is a JSON object") from error
    cursor, now, known = parsed.get("cursor"), parsed.get("now"), parsed.get("known")
    if not isinstance(cursor, int) or isinstance(cursor, bool):
        raise WireError("cursor: a whole number")
    if not isinstance(parsed.get("reset", False), bool):
        raise WireError("reset: true or false")
    upsert, delete = parsed.get("upsert", []), parsed.get("delete", [])
    if not isinstance(upsert, list) or not isinstance(delete, list):
        raise WireError("upsert, delete: lists")
    good = tuple(one for one in upsert if isinstance(one, Decision))
    ids = tuple(one for one in delete if isinstance(one, str) and len(one) <= LONGEST_ID)
    bad = [one.decision_id for one in upsert if isinstance(one, _Bad)]
    if not isinstance(now, (int, float)) or isinstance(now, bool) or not abs(now) < 1e12:
        now = None  # Infinite, too large or no number: the gateway's own clock will do.
    return Delta(
        cursor,
        parsed.get("reset", False),
        None if now is None else float(now),
        known if isinstance(known, str) else None,
        good,
        ids,
        len(upsert) - len(good) + len(delete) - len(ids),
        tuple(one for one in bad if one is not None),
    )


def _object_in(text: str, decoder: json.JSONDecoder) -> dict[str, Any]:
    """The JSON object that `text` is, its two lists read element by element: one call for all would keep every other
    thread from running for seconds, and turn 200 MB of nonsense into gigabytes. ValueError where it is none."""
    found: dict[str, Any] = {}
    at, mark = _sign(text, 0)
    if mark != "{":
        raise ValueError("no object")
    while mark != "}":
        first, mark = _sign(text, at)
        if mark == "}" and not found:
            at = first
            break
        name, at = decoder.raw_decode(text, first - 1)
        at, mark = _sign(text, at)
        if not isinstance(name, str) or mark != ":":
            raise ValueError("no name")
        first, mark = _sign(text, at)
        if name in ("upsert", "delete") and mark == "[":
            found[name], at = _list_in(text, first, decoder, (Decision, _Bad) if name == "upsert" else (str,))
        else:
            found[name], at = decoder.raw_decode(text, first - 1)
        at, mark = _sign(text, at)
        if mark not in ("}", ","):
            raise ValueError("no end")
    if _sign(text, at)[1]:
        raise ValueError("more after the end")
    return found


def _list_in(text: str, at: int, decoder: json.JSONDecoder, kinds: tuple[type, ...]) -> tuple[list[Any], int]:
    """The list whose first element begins at `at`, and where it ends."""
    values: list[Any] = []
    junk = 0
    first, mark = _sign(text, at)
    if mark == "]":
        return values, first
    while True:
        value, at = decoder.raw_decode(text, first - 1)
        values.append(value)
        if not isinstance(value, kinds):
            junk += 1
            if junk > MOST_JUNK:
                raise ValueError("too much that is nothing")
        at, mark = _sign(text, at)
        if mark == "]":
            return values, at
        if mark != ",":
            raise ValueError("no end")
        first, _ = _sign(text, at)


def _sign(text: str, at: int) -> tuple[int, str]:
    """The next character that is no space ("" at the end), and where what follows it begins."""
    mark = text[at : at + 1]
    while mark and mark in " \t\n\r":
        at += 1
        mark = text[at : at + 1]
    return at + 1, mark


def decision_or_bad(found: dict[str, Any]) -> Decision | _Bad:
    """The decision of a parsed JSON object, its repeated texts shared; or what is left of a bad one: its id."""
    try:
        decision = decision_from(found)
    except (WireError, ValueError, TypeError, OverflowError):
        one = found.get("decision_id")
        return _Bad(one if isinstance(one, str) else None)
    for name in ("action", "scope", "reason", "tell", "lift", "newcomers"):
        object.__setattr__(decision, name, intern(getattr(decision, name)))
    object.__setattr__(decision, "limits", _shared(decision.limits))
    if decision.campaign_id is not None:
        object.__setattr__(decision, "campaign_id", intern(decision.campaign_id))
    return decision


@lru_cache(maxsize=1024)
def _shared(limits: Limits) -> Limits:
    return limits
