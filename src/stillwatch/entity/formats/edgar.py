"""SEC EDGAR: a company's submissions, and its company facts, as JSON.

Checked against the documented formats only: data.sec.gov/submissions and /api/xbrl/companyfacts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from stillwatch.entity.records import Entry, Fact

_REGISTER = "SEC EDGAR"
#: Where a state code stands for a country. Others are states of the United States, or EDGAR's own codes.
_COUNTRIES = {
    "F4": "CN",
    "K3": "HK",
    "E9": "KY",
    "D8": "VG",
    "M0": "JP",
    "U0": "SG",
    "X0": "GB",
    "2M": "DE",
    "I0": "FR",
}
_FILINGS = 400


def reads(name: str, data: bytes) -> bool:
    """Whether this is one of EDGAR's documents."""
    return b'"cik"' in data[:2000] and (b'"filings"' in data or b'"facts"' in data[:4000])


def read(name: str, data: bytes) -> tuple[Entry, ...]:
    """One entry, with filings as facts. ValueError where it is not what it seemed."""
    document = json.loads(data)
    cik = f"{int(document['cik']):010d}"
    if "facts" in document:
        return (Entry(_REGISTER, cik, (document["entityName"],), (), tuple(_facts(document, name))),)
    former = document.get("formerNames") or []
    state = str(document.get("stateOfIncorporation") or "")
    country = _COUNTRIES.get(state, "US" if len(state) == 2 and state.isalpha() else "")
    names = (document["name"], *(n["name"] for n in former))
    return (
        Entry(_REGISTER, cik, names, (country,) if country else (), tuple(_submissions(document, cik, name, country))),
    )


def _submissions(document: Mapping[str, Any], cik: str, source: str, country: str) -> Iterator[Fact]:
    where = f"{_REGISTER}, {source}"
    recent = (document.get("filings") or {}).get("recent") or {}
    latest = max(recent.get("filingDate") or [""])
    yield Fact("legal name", document["name"], where, latest)
    yield Fact("CIK", cik, where, latest)
    if country:
        yield Fact("jurisdiction", country, where, latest)
    for ticker, exchange in zip(document.get("tickers") or (), document.get("exchanges") or (), strict=False):
        yield Fact("listing", f"{ticker} on {exchange or 'an unknown exchange'}", where, latest)
    if document.get("sicDescription"):
        yield Fact("sector", f"{document['sicDescription']} (SIC {document.get('sic')})", where, latest)
    for old in document.get("formerNames") or ():
        yield Fact("former name", old["name"], where, str(old.get("to") or "")[:10])
    columns = ("form", "filingDate", "accessionNumber", "primaryDocDescription", "items")
    filled = [list(recent.get(c) or []) for c in columns]
    long = max((len(c) for c in filled), default=0)
    padded = [c + [""] * (long - len(c)) for c in filled]
    for form, on, number, description, items in list(zip(*padded, strict=True))[:_FILINGS]:
        words = " ".join(w for w in (form, description, f"items {items}" if items else "") if w)
        yield Fact("filing", f"{words} ({number})", where, on)


def _facts(document: Mapping[str, Any], source: str) -> Iterator[Fact]:
    where = f"{_REGISTER}, {source}"
    yield Fact("legal name", document["entityName"], where)
    for taxonomy, concepts in document["facts"].items():
        if taxonomy != "dei":  # who it is, not how it earns
            continue
        for concept, content in concepts.items():
            for unit, values in content["units"].items():
                last = max(values, key=lambda v: str(v.get("filed")))
                said = f"{content.get('label') or concept}: {last['val']} {unit} at {last.get('end', '')}"
                yield Fact("reported", said, where, str(last.get("filed") or ""))
