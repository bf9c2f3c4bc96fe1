"""MISP events of others, checked: an event with our fingerprints in it is an indicator, whatever else it holds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stillwatch.share.foreign_stix import LONGEST_LIFE, Checked, ForeignIndicator, enough, seconds
from stillwatch.share.reading import Wrong
from stillwatch.share.tokens import token_set
from stillwatch.share.words import KINDS, RELIABILITY, TLP, our_id, stricter
from stillwatch.sketch.public_hashes import SEED_VERSION

MOST_ATTRIBUTES = 20_000
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_MARK = re.compile(r"([a-z0-9-]{1,40}):(opening|closing|shingle):([0-9a-f]{16})")
_SCORE = re.compile(r"score: (\d{1,3}) to \d{1,3}")


def check_events(events: list[Any], now: float, checked: Checked) -> None:
    """Adds what events come to; an event without fingerprints of prompts or tokens is counted as something else."""
    for event in events:
        try:
            found = _event(event, now)
        except Wrong as wrong:
            checked.refuse(event, str(wrong))
            continue
        if not found:
            checked.other += 1
        checked.indicators += found


def _event(event: Any, now: float) -> list[ForeignIndicator]:
    if not isinstance(event, dict) or not isinstance(event.get("uuid"), str) or not _UUID.fullmatch(event["uuid"]):
        raise Wrong("wrong type: an event")
    info, attributes = event.get("info", ""), event.get("Attribute") or []
    if not isinstance(info, str) or not isinstance(attributes, list) or len(attributes) > MOST_ATTRIBUTES:
        raise Wrong("wrong type: an event")
    if re.search(r"[<>\x00-\x1f]", info):
        raise Wrong("markup in a name")
    marks: set[tuple[str, int]] = set()
    kind, low, end = "distillation", 50.0, None
    made: dict[str, Any] = {"values": []}
    key_end = None
    for one in attributes:
        if not isinstance(one, dict) or not isinstance(one.get("value"), str):
            raise Wrong("wrong type: an attribute")
        value, said = one["value"], one.get("comment")
        if mark := _MARK.fullmatch(value):
            if mark[1] != SEED_VERSION:
                raise Wrong("fingerprints of another seed")
            marks.add((mark[2], int(mark[3], 16)))
        elif said == "kind" and value in KINDS:
            kind = value
        elif score := _SCORE.fullmatch(value):
            low = min(float(score[1]), 100.0)
        elif said == "valid until":
            end = seconds(re.sub(r"\+00:?00$", "Z", value))
        elif said == "token":
            made["values"].append(value)
        elif said in ("evaluator", "suite", "key_id", "epoch"):
            made[said] = int(value) if said == "epoch" and value.isascii() and value.isdigit() else value
        elif said == "tokens until":
            key_end = seconds(re.sub(r"\+00:?00$", "Z", value))
    if not marks and not made["values"]:
        return []
    if kind == "account_network":
        raise Wrong("wrong type: the kind of campaign")
    if end is None:
        raise Wrong("an indicator without an end")
    if end <= now:
        raise Wrong("an indicator that has expired")
    grade, level = _tags(event)
    stamp = str(event.get("timestamp", ""))
    until = min(end, now + LONGEST_LIFE)
    whole = ForeignIndicator(
        f"indicator--{event['uuid']}", f"x-misp-event--{event['uuid']}", kind, stamp.zfill(20)[:40],
        low / 100.0 * RELIABILITY[grade[0]], grade, level, now, until, False, enough(marks) if marks else (),
    )  # fmt: skip
    found = [whole] if marks else []
    if made["values"]:
        if key_end is None:
            raise Wrong("tokens without an end")
        tokens = token_set(made, key_end, now)
        named = our_id("indicator", "tokens of a MISP event", event["uuid"])
        found.append(replace(whole, id=named, marks=(), tokens=tokens, until_at=min(until, key_end)))
    return found


def _tags(event: Mapping[str, Any]) -> tuple[str, str]:
    """(Admiralty grade, TLP level) of an event's tags; F6 and AMBER+STRICT where they don't say."""
    names = [t.get("name") for t in event.get("Tag") or [] if isinstance(t, dict)]
    text = [n for n in names if isinstance(n, str)]
    letter = next(
        (m[1].upper() for n in text if (m := re.fullmatch(r'admiralty-scale:source-reliability="([a-f])"', n))), "F"
    )
    number = next(
        (m[1] for n in text if (m := re.fullmatch(r'admiralty-scale:information-credibility="([1-6])"', n))), "6"
    )
    levels = [n.removeprefix("tlp:").lower() for n in text if n.lower().startswith("tlp:")]
    known = [v for v in levels if v in TLP]
    level = known[0] if known else "amber+strict"
    for other in known[1:]:
        level = stricter(level, other)
    return letter + number, level
