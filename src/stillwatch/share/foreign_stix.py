"""STIX objects of others, checked one by one: what is an indicator or a sighting of use, and why the rest is not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from stillwatch.actors.foreign import LEAST_MARKS
from stillwatch.share.reading import Wrong
from stillwatch.share.tokens import TokenSet, token_set
from stillwatch.share.words import EXTENSION_ID, KINDS, RELIABILITY, stricter, tlp_of
from stillwatch.sketch.public_hashes import SEED_VERSION
from stillwatch.store.indicators import KINDS as MARK_KINDS

MOST_OBJECTS = 20_000
MOST_MARKS = 4_096
LONGEST_TEXT = 200_000
#: No indicator holds longer here, whatever its source says (seconds).
LONGEST_LIFE = 90 * 86400.0
_ID = re.compile(r"([a-z0-9][a-z0-9-]{1,60})--[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_VALUE = re.compile(r"[0-9a-f]{16}")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z")
_MARKUP = re.compile(r"[<>\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
#: Patterns that fit any value at all.
_EVERYONE = re.compile(
    r"""(LIKE\s+'[%_]*'|MATCHES\s+'\^?\(?\.[*+]\??\)?\$?'|'\*+'|:\s*["']?\*+["']?\s*$)""", re.I | re.M
)
_NAMES = ("name", "aliases", "labels", "roles", "goals", "objective", "relationship_type", "context")


@dataclass(frozen=True)
class ForeignIndicator:
    """A claim of another provider: a campaign of `kind` sends these marks ((kind, unsigned value)), or its accounts
    held what `tokens` stand for."""

    id: str
    campaign: str
    kind: str
    modified: str
    confidence: float
    grade: str
    tlp: str
    from_at: float
    until_at: float
    revoked: bool
    marks: tuple[tuple[str, int], ...]
    tokens: TokenSet | None = None


@dataclass(frozen=True)
class ForeignSighting:
    """What came back on an indicator of ours; counts are None where the sender suppressed them."""

    id: str
    of_id: str
    low: int | None
    high: int | None
    first_at: float | None
    last_at: float | None


@dataclass
class Checked:
    """What a batch of objects came to. `refused` counts reasons, `refused_ids` says which object each was."""

    indicators: list[ForeignIndicator] = field(default_factory=list)
    sightings: list[ForeignSighting] = field(default_factory=list)
    other: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    refused_ids: dict[str, str] = field(default_factory=dict)

    def refuse(self, one: Any, reason: str) -> None:
        """Puts an object aside."""
        self.refused[reason] += 1
        stix_id = one.get("id") if isinstance(one, dict) else None
        if isinstance(stix_id, str) and _ID.fullmatch(stix_id):
            self.refused_ids[stix_id] = reason


def check_objects(objects: Sequence[Any], now: float, ours: Callable[[str], bool]) -> Checked:
    """Checks a batch; `ours` says whether an id is an indicator that we gave. Never raises for what is in it."""
    checked = Checked()
    if len(objects) > MOST_OBJECTS:
        checked.refused[f"more than {MOST_OBJECTS:,} objects at once"] += len(objects)
        return checked
    sound: list[dict[str, Any]] = []
    for one in objects:
        try:
            sound.append(_sound(one))
        except Wrong as wrong:
            checked.refuse(one, str(wrong))
    loops = _in_loops(sound)
    campaigns = {
        one["source_ref"]: one["target_ref"] for one in sound
        if one["type"] == "relationship" and one.get("relationship_type") == "indicates"
    }  # fmt: skip
    for one in sound:
        try:
            if one["id"] in loops:
                raise Wrong("refers to itself in a circle")
            if one["type"] == "indicator":
                checked.indicators.append(_indicator(one, campaigns.get(one["id"], one["id"]), now))
            elif one["type"] == "sighting":
                checked.sightings.append(_sighting(one, ours))
            else:
                checked.other += 1
        except Wrong as wrong:
            checked.refuse(one, str(wrong))
    return checked


def seconds(value: Any) -> float:
    """A STIX timestamp as seconds since 1970. Wrong where it is none."""
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise Wrong("wrong type: a time")
    try:
        cut = re.sub(r"(\.\d{6})\d+", r"\1", value)
        return datetime.fromisoformat(cut.replace("Z", "+00:00")).astimezone(UTC).timestamp()
    except (ValueError, OverflowError) as error:
        raise Wrong("wrong type: a time") from error


def _sound(one: Any) -> dict[str, Any]:
    """The object where it is one in form. Its texts are looked at and never kept."""
    if not isinstance(one, dict):
        raise Wrong("wrong type: no object")
    kind, stix_id = one.get("type"), one.get("id")
    if not isinstance(kind, str) or not isinstance(stix_id, str):
        raise Wrong("wrong type: type and id")
    found = _ID.fullmatch(stix_id)
    if found is None or found[1] != kind:
        raise Wrong("wrong type: the id is none of this type")
    if kind == "bundle":
        raise Wrong("a bundle in a bundle")
    if one.get("spec_version") != "2.1":
        raise Wrong("not STIX 2.1")
    for name, value in one.items():
        if name.endswith("_ref") and not (isinstance(value, str) and _ID.fullmatch(value)):
            raise Wrong("wrong type: a reference")
        if name.endswith("_refs") and not (
            isinstance(value, list) and all(isinstance(v, str) and _ID.fullmatch(v) for v in value)
        ):
            raise Wrong("wrong type: a reference")
        texts = value if isinstance(value, list) else [value]
        if name in _NAMES:
            if not all(isinstance(t, str) for t in texts):
                raise Wrong("wrong type: a name")
            if any(_MARKUP.search(t) for t in texts):
                raise Wrong("markup in a name")
        if any(isinstance(t, str) and len(t) > LONGEST_TEXT for t in texts):
            raise Wrong("a text that is too long")
    if kind == "relationship" and not all(isinstance(one.get(n), str) for n in ("source_ref", "target_ref")):
        raise Wrong("wrong type: a reference")
    return one


def _in_loops(objects: Sequence[Mapping[str, Any]]) -> set[str]:
    """Ids of objects that contain or derive from themselves, by any number of steps."""
    number = {one["id"]: i for i, one in enumerate(objects)}
    edges: list[tuple[int, int]] = []
    for one in objects:
        if one["type"] == "relationship":
            mutual = one.get("relationship_type") == "related-to"
            pairs = [] if mutual else [(one["source_ref"], one["target_ref"])]
        else:
            pairs = [(one["id"], ref) for ref in one.get("object_refs") or []]
        edges += [(number[a], number[b]) for a, b in pairs if a in number and b in number]
    alone = {objects[a]["id"] for a, b in edges if a == b}
    if not edges:
        return alone
    a, b = np.asarray(edges).T
    graph = sp.csr_matrix((np.ones(len(a)), (a, b)), shape=(len(objects), len(objects)))
    _, part = connected_components(graph, directed=True, connection="strong")
    many = np.bincount(part) > 1
    return alone | {one["id"] for one, p in zip(objects, part, strict=True) if many[p]}


def _indicator(one: Mapping[str, Any], campaign: str, now: float) -> ForeignIndicator:
    pattern = one.get("pattern")
    if not isinstance(pattern, str) or not pattern.strip() or not isinstance(one.get("pattern_type"), str):
        raise Wrong("wrong type: a pattern")
    if _EVERYONE.search(pattern):
        raise Wrong("a pattern that matches everyone")
    extensions = one.get("extensions")
    told = extensions.get(EXTENSION_ID) if isinstance(extensions, dict) else None
    if not isinstance(told, dict):
        raise Wrong("an indicator without fingerprints of prompts")
    kind = told.get("kind")
    if kind not in KINDS or kind == "account_network":
        raise Wrong("wrong type: the kind of campaign")
    if "valid_until" not in one:
        raise Wrong("an indicator without an end")
    revoked = one.get("revoked", False)
    if not isinstance(revoked, bool):
        raise Wrong("wrong type: revoked")
    begin, end = seconds(one.get("valid_from")), seconds(one["valid_until"])
    seconds(one.get("modified"))
    if end <= begin or (end <= now and not revoked):
        raise Wrong("an indicator that has expired")
    grade = told.get("admiralty", "F6")
    if not isinstance(grade, str) or not re.fullmatch(r"[A-F][1-6]", grade):
        raise Wrong("wrong type: an Admiralty grade")
    refs = one.get("object_marking_refs") or []
    level = "clear" if refs else "amber+strict"  # what is not marked is not for passing on
    for ref in refs:
        level = stricter(level, tlp_of(ref) or level)
    tokens = None
    if "tokens" in told:
        ends_at = seconds(told["tokens"].get("ends_at") if isinstance(told["tokens"], dict) else None)
        tokens = token_set(told["tokens"], ends_at, 0.0 if revoked else now)
        end = min(end, ends_at)
    marks = () if tokens and "marks" not in told else marks_of(told.get("marks"))
    return ForeignIndicator(
        one["id"], campaign, kind, str(one["modified"]), _percent(told.get("score")) * RELIABILITY[grade[0]], grade,
        level, min(begin, now), min(end, now + LONGEST_LIFE), revoked, marks, tokens,
    )  # fmt: skip


def marks_of(told: Any) -> tuple[tuple[str, int], ...]:
    """The marks of our extension. Wrong where there are too few, too many, or of another seed."""
    if not isinstance(told, list) or len(told) > len(MARK_KINDS):
        raise Wrong("wrong type: marks")
    out: set[tuple[str, int]] = set()
    for part in told:
        if not isinstance(part, dict) or part.get("kind") not in MARK_KINDS or not isinstance(part.get("values"), list):
            raise Wrong("wrong type: marks")
        if part.get("seed") != SEED_VERSION:
            raise Wrong("fingerprints of another seed")
        if len(part["values"]) > MOST_MARKS:
            raise Wrong("more marks than any campaign has")
        if not all(isinstance(v, str) and _VALUE.fullmatch(v) for v in part["values"]):
            raise Wrong("wrong type: marks")
        out |= {(part["kind"], int(v, 16)) for v in part["values"]}
    return enough(out)


def enough(marks: set[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    """Marks in order; Wrong where an account could never, or would always, send enough of them."""
    if len(marks) < LEAST_MARKS:
        raise Wrong("too few marks to say anything")
    if len(marks) > MOST_MARKS:
        raise Wrong("more marks than any campaign has")
    return tuple(sorted(marks))


def _percent(score: Any) -> float:
    low = score.get("low") if isinstance(score, dict) else 50.0
    if isinstance(low, bool) or not isinstance(low, (int, float)) or not 0 <= low <= 100:
        raise Wrong("wrong type: a score")
    return float(low) / 100.0


def _sighting(one: Mapping[str, Any], ours: Callable[[str], bool]) -> ForeignSighting:
    of_id = one.get("sighting_of_ref")
    if not isinstance(of_id, str) or not ours(of_id):
        raise Wrong("a sighting of nothing that we gave")
    count = one.get("count")
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= 999_999_999):
        raise Wrong("wrong type: a count")
    low = high = count
    extensions = one.get("extensions")
    told = extensions.get(EXTENSION_ID) if isinstance(extensions, dict) else None
    if told is not None:
        counts = told.get("counts") if isinstance(told, dict) else 0
        accounts = counts.get("accounts") if isinstance(counts, dict) else counts
        if accounts is not None:
            if not isinstance(accounts, dict):
                raise Wrong("wrong type: a count")
            low, high = accounts.get("low"), accounts.get("high")
            if any(isinstance(n, bool) or not isinstance(n, int) or not 0 <= n <= 999_999_999 for n in (low, high)):
                raise Wrong("wrong type: a count")
    first, last = (seconds(one[n]) if n in one else None for n in ("first_seen", "last_seen"))
    return ForeignSighting(one["id"], of_id, low, high, first, last)
