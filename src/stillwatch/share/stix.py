"""What leaves, as one STIX 2.1 bundle: campaigns, techniques, indicators with an end, each object marked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from typing import Any

from stillwatch.actors.foreign import LEAST_MARKS
from stillwatch.errors import UsageError
from stillwatch.share import sigma
from stillwatch.share.intervals import Between, rounded
from stillwatch.share.leaving import SMALLEST_CELL, Leaving
from stillwatch.share.tokens import TokenSet, pattern_of, says_of
from stillwatch.share.words import (
    ATLAS,
    EXTENSION_ID,
    EXTENSION_VERSION,
    TLP,
    TLP_EXTENSION_ID,
    attack_pattern_id,
    icd203,
    our_id,
    tlp_marking,
)  # fmt: skip
from stillwatch.sketch.public_hashes import SEED_VERSION

_OF_A_CAMPAIGN = (
    "from those that belong to the campaign with 95 % confidence to all that one sweep placed in it, rounded outwards "
    "to two digits"
)
_OF_A_SIGHTING = "accounts that sent templates which the indicator names, rounded outwards to two digits"
_WHAT = {
    "distillation": "Accounts that, taken as one, harvest a model's answers",
    "relay": "Accounts through which another vendor's own users are served",
    "replay": "Accounts that send stored sessions of another service again",
    "account_network": "Accounts that one operator runs; as a whole they do not harvest",
}
#: When the definitions that every bundle carries were made.
_DEFINED = "2026-11-25T00:00:00.000Z"


@dataclass(frozen=True)
class Sender:
    """Who shares: the provider's public name, where to write to, under which TLP level, at what time (seconds)."""

    provider: str
    contact: str
    tlp: str
    now: float

    def __post_init__(self) -> None:
        if not self.provider.strip():
            raise UsageError(
                "[share] provider", "is empty", 'name yourself as others know you: provider = "Example AI"'
            )
        if self.tlp not in TLP:
            raise UsageError("--tlp", f"one of {', '.join(TLP)}")

    @property
    def id(self) -> str:
        """The provider's STIX identity."""
        return our_id("identity", self.provider)


def moment(at: float | datetime) -> str:
    """A STIX timestamp with milliseconds."""
    if not isinstance(at, datetime):
        at = datetime.fromtimestamp(at, UTC)
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def schema_text() -> str:
    """Our extension's JSON Schema, as it is published."""
    return resources.files(__package__).joinpath("distillation-indicators-1.schema.json").read_text("utf-8")


def bundle(
    sender: Sender, found: Sequence[Leaving], made_at: Mapping[str, float], valid_days: int,
    tokens: Mapping[str, TokenSet] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The bundle. `made_at` gives when an alias was first shared (seconds); one that it lacks is made now. `tokens` of
    what its accounts held, by alias."""
    objects: dict[str, dict[str, Any]] = {}
    for one in definitions(sender):
        objects[one["id"]] = one
    told: list[str] = []
    for leaving in found:
        created = moment(made_at.get(leaving.alias, sender.now))
        made = _objects_of(sender, leaving, created, valid_days)
        made += _tokens(sender, leaving, made[0]["id"], valid_days, (tokens or {}).get(leaving.alias))
        for one in made:
            objects.setdefault(one["id"], one)
            told.append(one["id"])
    if told:
        refs = list(dict.fromkeys(told))
        whole = _object(sender, "grouping", our_id("grouping", sender.provider, *sorted(told)), moment(sender.now))
        objects[whole["id"]] = whole | {
            "name": "Distillation indicators", "context": "suspicious-activity", "object_refs": refs,
            "description": "What one sweep found, as it may be shared. Each recipient decides alone what to do.",
        }  # fmt: skip
    key = ",".join(f"{o['id']}@{o.get('modified', '')}" for o in objects.values())
    return {"type": "bundle", "id": our_id("bundle", key), "objects": list(objects.values())}


def definitions(sender: Sender) -> list[dict[str, Any]]:
    """What every bundle carries: who sends it, its marking, the two extensions' definitions."""
    who = _object(sender, "identity", sender.id, _DEFINED)
    del who["created_by_ref"]
    who |= {"name": sender.provider, "identity_class": "organization", "description": "A provider of AI models.",
            "sectors": ["technology"]}  # fmt: skip
    if sender.contact:
        who["contact_information"] = sender.contact
    ours = _object(sender, "extension-definition", EXTENSION_ID, _DEFINED)
    ours |= {
        "name": "distillation-indicators", "version": EXTENSION_VERSION, "extension_types": ["property-extension"],
        "description": "Indicators of campaigns that harvest a model's answers: a proposal, see its schema.",
        "schema": json.dumps(json.loads(schema_text()), separators=(",", ":")),
    }  # fmt: skip
    return [who, tlp_marking(sender.tlp), ours]


def sighting_bundle(
    sender: Sender, seen: Sequence[tuple[str, int, datetime | None, datetime | None]], indicators: Mapping[str, str]
) -> dict[str, Any]:
    """What goes back to a source: (indicator id, accounts, first, last seen), and each indicator's own TLP level.

    A number of accounts below the smallest cell is not told: that something was seen is.
    """
    objects: dict[str, dict[str, Any]] = {o["id"]: o for o in definitions(sender)}
    for of_id, accounts, first, last in seen:
        level = indicators.get(of_id, sender.tlp)
        objects.setdefault(TLP[level], tlp_marking(level))
        one = _object(sender, "sighting", our_id("sighting", sender.provider, of_id), moment(sender.now))
        one |= {"sighting_of_ref": of_id, "where_sighted_refs": [sender.id], "object_marking_refs": [TLP[level]],
                "description": "Accounts of this provider match what the indicator names."}  # fmt: skip
        if first is not None and last is not None:
            one |= {"first_seen": moment(first), "last_seen": moment(last)}
        counts = {} if accounts < SMALLEST_CELL else {
            "accounts": _count(sender, rounded(accounts, accounts), _OF_A_SIGHTING)
        }  # fmt: skip
        one["extensions"] = {EXTENSION_ID: {"extension_type": "property-extension", **(
            {"counts": counts} if counts else {"suppressed": ["accounts"]})}}  # fmt: skip
        objects[one["id"]] = one
    key = ",".join(objects) + moment(sender.now)
    return {"type": "bundle", "id": our_id("bundle", key), "objects": list(objects.values())}


def _objects_of(sender: Sender, found: Leaving, created: str, valid_days: int) -> list[dict[str, Any]]:
    network = found.kind == "account_network"
    kind = "infrastructure" if network else "campaign"
    subject = _object(sender, kind, our_id(kind, sender.provider, found.alias), created)
    told = moment(sender.now)
    subject |= {
        "name": found.alias, "description": _WHAT[found.kind] + ".", "first_seen": moment(found.first_seen),
        "last_seen": moment(found.last_seen), "extensions": {EXTENSION_ID: extension(sender, found)},
    }  # fmt: skip
    if network:
        subject["infrastructure_types"] = ["anonymization"]
    out = [subject]
    if not network:
        subject["objective"] = "; ".join(found.targets) or "answers"
        cluster = _object(sender, "intrusion-set", our_id("intrusion-set", sender.provider, found.alias), created)
        cluster |= {"name": found.alias, "description": "Whoever runs this campaign; no organisation is named."}
        out += [cluster, _related(sender, subject["id"], "attributed-to", cluster["id"], created)]
        for atlas in found.techniques:
            out.append(_attack_pattern(sender, atlas))
            out.append(_related(sender, subject["id"], "uses", out[-1]["id"], created))
    if found.marks:
        sign = _object(sender, "indicator", our_id("indicator", sender.provider, found.alias), created)
        sign |= {
            "name": f"{found.alias}: prompt templates", "indicator_types": ["malicious-activity"],
            "description": f"Templates of {found.alias}'s prompts as public fingerprints ({SEED_VERSION}); an account "
                           f"counts from {LEAST_MARKS} different ones. A claim to weigh, not a verdict on an account.",
            "pattern": sigma.fingerprint_rule(sender, found), "pattern_type": "sigma", "pattern_version": "2.1",
            "valid_from": told, "valid_until": moment(sender.now + 86400.0 * valid_days),
            "extensions": {EXTENSION_ID: extension(sender, found, marks=True)},
        }  # fmt: skip
        out += [sign, _related(sender, sign["id"], "indicates", subject["id"], created)]
    return out


def token_indicator_id(sender: Sender, alias: str, held: TokenSet) -> str:
    """The id of an indicator that holds tokens: one for each key."""
    return our_id("indicator", sender.provider, alias, "tokens", held.key_id)


def _tokens(
    sender: Sender, found: Leaving, subject: str, valid_days: int, held: TokenSet | None
) -> list[dict[str, Any]]:
    """An indicator of its own, so that a wide template does not hold up a narrow token; it ends with its key."""
    if held is None:
        return []
    told = moment(sender.now)
    sign = _object(sender, "indicator", token_indicator_id(sender, found.alias, held), told)
    sign |= {
        "name": f"{found.alias}: tokens", "indicator_types": ["malicious-activity"],
        "description": says_of(found.alias, held), "pattern": pattern_of(held.tokens, EXTENSION_ID),
        "pattern_type": "stix", "pattern_version": "2.1", "valid_from": told,
        "valid_until": moment(min(sender.now + 86400.0 * valid_days, held.ends_at)),
        "extensions": {EXTENSION_ID: extension(sender, found) | {"tokens": held.as_dict(moment(held.ends_at))}},
    }  # fmt: skip
    return [sign, _related(sender, sign["id"], "indicates", subject, told)]


def extension(sender: Sender, found: Leaving, *, marks: bool = False) -> dict[str, Any]:
    """Our extension of a campaign, a network, or (with `marks`) an indicator."""
    out: dict[str, Any] = {"extension_type": "property-extension", "kind": found.kind}
    counts = {
        name: _count(sender, n, _OF_A_CAMPAIGN)
        for name, n in (("accounts", found.accounts), ("exchanges", found.exchanges))
        if n
    }
    small = [name for name in ("accounts", "exchanges") if name not in counts]
    out |= {"counts": counts} if counts else {}
    out |= {"suppressed": small} if small else {}
    out |= {name: list(told) for name in ("targets", "techniques", "signs") if (told := getattr(found, name))}
    out["score"] = {"low": found.score.low, "high": found.score.high, "scale": "calibrated probability, percent"}
    out |= {"icd203": icd203((found.score.low + found.score.high) / 2), "admiralty": found.admiralty}
    if marks:
        kinds = sorted({kind for kind, _ in found.marks})
        out["marks"] = [
            {"kind": k, "seed": SEED_VERSION, "values": sorted({f"{v:016x}" for kind, v in found.marks if kind == k})}
            for k in kinds
        ]
        out["least_marks"] = LEAST_MARKS
    return out


def _count(sender: Sender, n: Between, method: str) -> dict[str, Any]:
    return {"low": n.low, "high": n.high, "method": method, "as_of": moment(sender.now)}


def _object(sender: Sender, kind: str, stix_id: str, created: str) -> dict[str, Any]:
    later = kind not in ("identity", "extension-definition", "relationship")
    return {
        "type": kind, "spec_version": "2.1", "id": stix_id, "created_by_ref": sender.id, "created": created,
        "modified": max(moment(sender.now), created) if later else created, "object_marking_refs": [TLP[sender.tlp]],
    }  # fmt: skip


def _related(sender: Sender, source: str, how: str, target: str, created: str) -> dict[str, Any]:
    one = _object(sender, "relationship", our_id("relationship", source, how, target), created)
    return one | {"relationship_type": how, "source_ref": source, "target_ref": target}


def _attack_pattern(sender: Sender, atlas: str) -> dict[str, Any]:
    one = _object(sender, "attack-pattern", attack_pattern_id(atlas), _DEFINED)
    one["modified"] = _DEFINED
    return one | {
        "name": ATLAS[atlas][0], "description": f"MITRE ATLAS technique {atlas}.",
        "external_references": [{"source_name": "mitre-atlas", "external_id": atlas}],
    }  # fmt: skip


__all__ = [
    "TLP_EXTENSION_ID",
    "Sender",
    "bundle",
    "definitions",
    "extension",
    "moment",
    "sighting_bundle",
    "token_indicator_id",
]
