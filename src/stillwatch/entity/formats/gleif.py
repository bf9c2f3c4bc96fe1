"""GLEIF: LEI records (API JSON, golden copy JSON and CSV) and relationship records (golden copy CSV).

Checked against the documented formats only: LEI-CDF 3.1, RR-CDF 2.1, and the API's JSON:API documents.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

from stillwatch.entity.records import Entry, Fact

_REGISTER = "GLEIF"
_RELATIONS = {
    "IS_DIRECTLY_CONSOLIDATED_BY": "direct parent", "IS_ULTIMATELY_CONSOLIDATED_BY": "ultimate parent",
    "IS_INTERNATIONAL_BRANCH_OF": "head office",
}  # fmt: skip


def reads(name: str, data: bytes) -> bool:
    """Whether this is one of GLEIF's files."""
    head = data[:4000]
    return (
        (b'"lei-records"' in head)
        or (b'"LEI"' in head and b'"Entity"' in data[:20_000])
        or head.lstrip(b"\xef\xbb\xbf").startswith((b'"LEI"', b"LEI,"))
        or b"Relationship.StartNode.NodeID" in head
    )


def read(name: str, data: bytes) -> tuple[Entry, ...]:
    """Entries of a file. ValueError where it is not what it seemed."""
    text = data.decode("utf-8-sig")
    if text.lstrip().startswith("{"):
        document = json.loads(text)
        if "records" in document:
            return tuple(_golden(r, name) for r in document["records"])
        given = document["data"]
        return tuple(_api(r, name) for r in (given if isinstance(given, list) else [given]))
    rows = csv.DictReader(io.StringIO(text))
    if rows.fieldnames and "Relationship.StartNode.NodeID" in rows.fieldnames:
        return tuple(_relation(row, name) for row in rows)
    return tuple(_row(row, name) for row in rows)


def _api(record: Mapping[str, Any], source: str) -> Entry:
    whole = record["attributes"]
    entity, registration = whole["entity"], whole.get("registration") or {}
    names = [entity["legalName"]["name"]]
    names += [n["name"] for k in ("otherNames", "transliteratedOtherNames") for n in entity.get(k) or ()]
    address = entity.get("legalAddress") or {}
    return _entry(
        whole["lei"], names, entity.get("jurisdiction"), address.get("country"), entity.get("status"),
        entity.get("category"), str(registration.get("lastUpdateDate") or "")[:10], registration.get("status"), source,
        entity.get("registeredAs"),
    )  # fmt: skip


def _golden(record: Mapping[str, Any], source: str) -> Entry:
    def text(value: Any) -> str:
        return str(value["$"]) if isinstance(value, Mapping) else str(value or "")

    entity, registration = record["Entity"], record.get("Registration") or {}
    others = (entity.get("OtherEntityNames") or {}).get("OtherEntityName") or []
    scripts = (entity.get("TransliteratedOtherEntityNames") or {}).get("TransliteratedOtherEntityName") or []
    names = [text(entity["LegalName"]), *map(text, _many(others)), *map(text, _many(scripts))]
    return _entry(
        text(record["LEI"]), names, text(entity.get("LegalJurisdiction")),
        text((entity.get("LegalAddress") or {}).get("Country")), text(entity.get("EntityStatus")),
        text(entity.get("EntityCategory")), text(registration.get("LastUpdateDate"))[:10],
        text(registration.get("RegistrationStatus")), source,
        text((entity.get("RegistrationAuthority") or {}).get("RegistrationAuthorityEntityID")),
    )  # fmt: skip


def _row(row: Mapping[str, str], source: str) -> Entry:
    names = [row["Entity.LegalName"]]
    names += [
        v for k, v in row.items()
        if v and k and "OtherEntityName." in k and not k.endswith((".xmllang", ".type"))
    ]  # fmt: skip
    return _entry(
        row["LEI"], names, row.get("Entity.LegalJurisdiction"), row.get("Entity.LegalAddress.Country"),
        row.get("Entity.EntityStatus"), row.get("Entity.EntityCategory"),
        (row.get("Registration.LastUpdateDate") or "")[:10], row.get("Registration.RegistrationStatus"), source,
        row.get("Entity.RegistrationAuthority.RegistrationAuthorityEntityID"),
    )  # fmt: skip


def _relation(row: Mapping[str, str], source: str) -> Entry:
    kind = _RELATIONS.get(row["Relationship.RelationshipType"], row["Relationship.RelationshipType"].lower())
    start, end = row["Relationship.StartNode.NodeID"], row["Relationship.EndNode.NodeID"]
    on = (row.get("Registration.LastUpdateDate") or "")[:10]
    live = (row.get("Relationship.RelationshipStatus") or "ACTIVE") == "ACTIVE"
    said = Fact(kind if live else f"former {kind}", end, f"{_REGISTER}, {source}", on)
    return Entry(_REGISTER, start, (), (), (said,), "register", ((said.field, end),))


def _entry(
    lei: str, names: list[str], jurisdiction: str | None, country: str | None, status: str | None, category: str | None,
    on: str, registered: str | None, source: str, registry_id: str | None,
) -> Entry:  # fmt: skip
    where = f"{_REGISTER}, {source}"
    facts = [Fact("legal name", names[0], where, on), Fact("LEI", lei, where, on)]
    facts += [Fact("other name", n, where, on) for n in dict.fromkeys(names[1:])]
    for field, value in (
        ("jurisdiction", jurisdiction), ("country of legal address", country), ("status", status),
        ("category", category), ("LEI registration", registered), ("number in the business register", registry_id),
    ):  # fmt: skip
        if value:
            facts.append(Fact(field, value, where, on))
    countries = tuple(dict.fromkeys(c[:2].upper() for c in (jurisdiction, country) if c))
    return Entry(_REGISTER, lei, tuple(names), countries, tuple(facts))


def _many(value: Any) -> Iterator[Any]:
    yield from value if isinstance(value, list) else [value]
