"""OFAC's list of Specially Designated Nationals: SDN.CSV (no header; `-0-` is empty) and SDN.XML.

Checked against the documented formats only (the legacy files of the Sanctions List Service).
"""

from __future__ import annotations

import csv
import io
import re
from datetime import datetime
from xml.etree import ElementTree

from stillwatch.entity.records import Entry, Fact

_REGISTER = "OFAC SDN"
_COUNTRIES = {
    "china": "CN", "hong kong": "HK", "russia": "RU", "iran": "IR", "korea, north": "KP", "singapore": "SG",
    "united arab emirates": "AE", "turkey": "TR", "germany": "DE", "united kingdom": "GB", "japan": "JP",
}  # fmt: skip


def reads(name: str, data: bytes) -> bool:
    """Whether this is the list, in either form."""
    head = data[:3000]
    return b"<sdnList" in head or (b"-0-" in head and re.match(rb'\s*\d+,"', head) is not None)


def read(name: str, data: bytes) -> tuple[Entry, ...]:
    """Entries of organisations. ValueError where it is not what it seemed, or where XML declares entities."""
    return _xml(name, data) if b"<sdnList" in data[:3000] else _csv(name, data)


def _csv(name: str, data: bytes) -> tuple[Entry, ...]:
    out = []
    for row in csv.reader(io.StringIO(data.decode("utf-8", "replace"))):
        if len(row) < 12 or row[2].strip().lower() in ("individual", "vessel", "aircraft"):
            continue
        number, title, program, remarks = row[0].strip(), row[1].strip(), row[3].strip(), row[11].strip()
        facts = [Fact("listed", _REGISTER, f"{_REGISTER}, {name}"), Fact("programme", program, f"{_REGISTER}, {name}")]
        aliases = re.findall(r"a\.k\.a\. '([^']+)'", remarks)
        if remarks not in ("", "-0-"):
            facts.append(Fact("remarks", remarks, f"{_REGISTER}, {name}"))
        out.append(Entry(_REGISTER, number, (title, *aliases), (), tuple(facts), "listing"))
    return tuple(out)


def _xml(name: str, data: bytes) -> tuple[Entry, ...]:
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise ValueError("XML with declarations of its own is not read")
    tree = ElementTree.fromstring(data)
    space = tree.tag.partition("}")[0] + "}" if tree.tag.startswith("{") else ""
    on = _day(tree.findtext(f"{space}publshInformation/{space}Publish_Date") or "")
    out = []
    for entry in tree.iter(f"{space}sdnEntry"):
        if (entry.findtext(f"{space}sdnType") or "").lower() != "entity":
            continue
        names = [entry.findtext(f"{space}lastName") or ""]
        names += [a.findtext(f"{space}lastName") or "" for a in entry.iter(f"{space}aka")]
        where = f"{_REGISTER}, {name}"
        facts = [Fact("listed", _REGISTER, where, on)]
        facts += [Fact("programme", p.text or "", where, on) for p in entry.iter(f"{space}program")]
        lands = [c.text or "" for c in entry.iter(f"{space}country")]
        countries = tuple(dict.fromkeys(_COUNTRIES.get(c.lower(), c) for c in lands))
        number = entry.findtext(f"{space}uid") or ""
        out.append(Entry(_REGISTER, number, tuple(n for n in names if n), countries, tuple(facts), "listing"))
    return tuple(out)


def _day(american: str) -> str:
    try:
        return datetime.strptime(american, "%m/%d/%Y").date().isoformat()
    except ValueError:
        return ""
