"""What a disclosure.json may hold: every field by name, so that what nobody thought of cannot leave."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

#: A field ends in `?` where it may be missing. Leaves: text, number, count, flag, date, moment, hash; `x|null` too.
SHAPE: dict[str, Any] = {
    "format": "text",
    "id": "text",
    "title": "text",
    "language": "text",
    "author": "text",
    "publisher": {"name": "text", "contact": "text"},
    "created_at": "moment",
    "as_of": "date",
    "code_version": "text",
    "figures": [
        {
            "id": "text", "what": "text", "printed": "text", "hedge": "text", "unit": "text", "value": "number",
            "low": "number", "high": "number|null", "rounding": "number", "query": {
                "id": "text", "table?": "text", "take?": "text", "column?": "text", "where?": {"*": "text"},
                "period?": "text",
            },
            "snapshot_sha256": "hash", "code_version": "text", "recomputed": "number", "as_of": "date",
            "error?": {"rate": "number|null", "method": "text"}, "reported_by?": "text", "per_product?": "flag",
            "suppressed?": "flag",
        }
    ],
    "sums?": [{"whole": "text", "parts": ["text"], "overlap": "text"}],
    "ratios?": [{"phrase": "text", "hedge": "text", "of": "text", "to": "text", "factor": "number"}],
    "superlatives?": [{"phrase": "text", "scope": "text", "as_of": "date", "figure": "text", "against": ["text"]}],
    "periods": [
        {"id": "text", "start": "date", "end": "date", "end_day": "text", "timezone": "text", "days": "count",
         "first_seen": "date", "detected_on": "date"}
    ],
    "dates?": [{"date": "date", "what": "text"}],
    "fixed_phrases?": [{"phrase": "text", "why": "text"}],
    "statements": [{"id": "text", "text": "text", "basis": "text"}],
    "judgements": [
        {"id": "text", "statement": "text", "term": "text", "low": "number", "high": "number", "confidence": "text",
         "basis": "text", "sources": ["text"], "support?": ["text"]}
    ],
    "sources": [{"id": "text", "what": "text", "reliability": "text", "credibility": "count"}],
    "evidence?": [{"id": "text", "what": "text", "class": "text", "about": "text", "source": "text"}],
    "hypotheses": [{"id": "text", "says": "text", "subject?": "text"}],
    "matrix?": [{"evidence": "text", "hypothesis": "text", "reads": "text"}],
    "subjects": [
        {"id": "text", "name": "text", "role": "text", "legal_person": "flag", "approved_phrase?": "text",
         "judgement?": "text", "reviewers?": ["text"], "counsel?": "text"}
    ],
    "templates?": [{"rule": "text", "accounts": "count"}],
    "addresses?": [
        {"value": "text", "asn": "count", "kind": "text", "accounts": "count", "justification?": "text",
         "valid_until": "date"}
    ],
    "marking": {"tlp": "text", "pap": "text", "inputs": [
        {"from": "text", "tlp": "text", "consent_to_widen?": "text"}
    ]},
    "recipients": [{"name": "text", "kind": "text", "tier": "text"}],
    "legal": {
        "statute": "text", "in_force_checked_on": "date", "checked_by": "text", "non_terms_elements": ["text"],
        "embargo_until": "moment|null", "legal_hold": "flag", "law_enforcement_hold": "flag",
    },
    "privacy": {
        "smallest_cell": "count", "review": {"by": "text", "on": "date", "outcome": "text"},
        "tokens": [{"key_id": "text", "epoch": "text", "valid_until": "date"}],
    },
    "antitrust": {
        "counsel": "text", "sign_off_id": "text", "approved_shape_sha256": "hash",
        "cleared_phrases?": [{"phrase": "text", "why": "text"}],
    },
    "ai_assistance": {"level": "text", "says": "text", "reviewed_by": "text"},
    "appeal": {"contact": "text", "says": "text"},
    "corrections": {"contact": "text", "says": "text", "supersedes": "text|null", "revoked": "flag"},
    "charts?": [{"id": "text", "sha256": "hash", "table": "text", "labels": ["text"]}],
}  # fmt: skip
_LEAVES = {
    "text": lambda v: isinstance(v, str) and len(v) <= 4000,
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
    "count": lambda v: isinstance(v, int) and not isinstance(v, bool) and v >= 0,
    "flag": lambda v: isinstance(v, bool),
    "date": lambda v: isinstance(v, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", v) is not None,
    "moment": lambda v: isinstance(v, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}T[\d:.]+Z", v) is not None,
    "hash": lambda v: isinstance(v, str) and re.fullmatch(r"[0-9a-f]{64}", v) is not None,
    "null": lambda v: v is None,
}


def shape_sha256() -> str:
    """The hash that counsel approves: of the field list, so that a new field needs a new sign-off."""
    return hashlib.sha256(json.dumps(SHAPE, sort_keys=True).encode()).hexdigest()


def misfits(value: Any, shape: Any = None, place: str = "disclosure.json") -> Iterator[tuple[str, str]]:
    """(place, what is wrong) for each unknown, missing or mistyped field."""
    shape = SHAPE if shape is None else shape
    if isinstance(shape, str):
        if not any(_LEAVES[leaf](value) for leaf in shape.split("|")):
            yield place, f"is not {shape.replace('|', ' or ')}"
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield place, "is not a list"
            return
        for i, inner in enumerate(value):
            yield from misfits(inner, shape[0], f"{place}[{i}]")
    elif not isinstance(value, Mapping):
        yield place, "is not an object"
    else:
        known = {name.removesuffix("?"): (inner, name.endswith("?")) for name, inner in shape.items()}
        for name, inner in value.items():
            if name in known:
                yield from misfits(inner, known[name][0], f"{place}.{name}")
            elif "*" in known:
                yield from misfits(inner, known["*"][0], f"{place}.{name}")
            else:
                yield f"{place}.{str(name)[:40]}", "is a field that nobody approved"
        for name, (_, optional) in known.items():
            if name not in value and not optional and name != "*":
                yield f"{place}.{name}", "is missing"
