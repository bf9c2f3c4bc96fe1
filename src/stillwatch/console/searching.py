"""Search: ids as they are, and raw identifiers by the keyed hash that was kept of them. The raw value goes nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from stillwatch.console.shelf import Shelf
from stillwatch.decide.record import Record
from stillwatch.errors import OutsideError
from stillwatch.sketch.identifiers import canonical_addresses, hash_identifiers, networks
from stillwatch.store import Store, open_store

LONGEST_QUERY = 500
_MOST = 50
_MOST_HOLDERS = 500
#: Kept column of exchanges to what a person calls it.
_OF_EXCHANGES = {
    "ip": "address", "net": "network of the address", "key": "key", "org": "organisation", "end_user": "end user",
    "session": "conversation", "user_agent": "user agent", "asn": "AS number",
}  # fmt: skip
#: Kept column of account records to the domain that it is hashed in.
_OF_RECORDS = {
    "signup_ip": "ip", "signup_net": "net", "org": "org", "email": "email", "phone": "phone", "payment": "payment",
    "device": "device", "email_domain": "email_domain", "referrer": "referrer",
}  # fmt: skip


@dataclass(frozen=True)
class Holder:
    """An account that holds a value, and where: `as_what` in words, `exchanges` with it (0: its record says so)."""

    account_id: str
    as_what: str
    exchanges: int


@dataclass(frozen=True)
class Found:
    """What a search found; `hashed` says whether raw identifiers were asked for as well."""

    campaigns: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    decisions: tuple[str, ...] = ()
    holders: tuple[Holder, ...] = ()
    hashed: bool = False
    more: bool = False

    @property
    def anything(self) -> bool:
        """Whether there is a hit at all."""
        return bool(self.campaigns or self.accounts or self.decisions or self.holders)


def by_name(shelf: Shelf, record: Record, query: str) -> Found:
    """Campaigns, accounts and decisions whose id, title or target holds the query; exact ids first."""
    query = query.strip()[:LONGEST_QUERY]
    if not query:
        return Found()
    low = query.lower()
    campaigns = [
        row["campaign_id"]
        for row in shelf.campaigns
        if low in f"{row['campaign_id']} {row['title']} {' '.join(row['targets'] or [])}".lower()
    ]
    ids = shelf.findings.accounts["account_id"]
    held = ids.filter(pc.match_substring(ids, query, ignore_case=True))
    accounts = [a for a in held.slice(0, _MOST).to_pylist() if a]
    if query in shelf.place or query in shelf.record_place:
        accounts = [query, *(a for a in accounts if a != query)]
    escaped = query.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    decisions = record.rows(
        "SELECT decision_id FROM decisions WHERE decision_id LIKE ? ESCAPE '\\' LIMIT 50", (f"%{escaped}%",)
    )
    return Found(
        tuple(campaigns[:_MOST]), tuple(accounts[:_MOST]), tuple(r["decision_id"] for r in decisions),
        more=len(campaigns) > _MOST or len(held) > _MOST,
    )  # fmt: skip


def by_raw_value(home: Path, raw: str) -> tuple[Holder, ...]:
    """Accounts whose exchanges or records hold this address, key, organisation or other identifier.

    The value is hashed here with the home's key and compared; a number that is already such a hash is compared as well.
    OutsideError where a part cannot be read.
    """
    raw = raw.strip()[:LONGEST_QUERY]
    if not raw:
        return ()
    store = open_store(home)
    try:
        return _holders(store, raw)
    finally:
        store.close()


def _holders(store: Store, raw: str) -> tuple[Holder, ...]:
    given = pa.array([raw], pa.string())
    network = networks(given)
    is_address = network[0].is_valid
    hashes: dict[str, set[int]] = {}
    for name in _OF_EXCHANGES:
        if (name in ("ip", "net")) != is_address:
            continue
        if name == "asn":
            bare = raw.upper().removeprefix("AS")
            if not (bare.isascii() and bare.isdigit()):
                continue
            value = pa.array([bare], pa.string())
        else:
            value = canonical_addresses(given) if name == "ip" else network if name == "net" else given
        hashes[name] = _known(hash_identifiers(value, name, store.key), raw)
    found = list(_in_exchanges(store, hashes))
    records = store.accounts()
    for column, domain in _OF_RECORDS.items():
        if (domain in ("ip", "net")) != is_address:
            continue
        value = canonical_addresses(given) if domain == "ip" else network if domain == "net" else given
        wanted = _known(hash_identifiers(value, domain, store.key), raw)
        held = records.filter(pc.is_in(records[column], value_set=pa.array(sorted(wanted), pa.int64())))
        name = column.replace("_", " ")
        found += [Holder(a, f"{name} in its record", 0) for a in held["account_id"].to_pylist()[:_MOST_HOLDERS]]
    return tuple(found[:_MOST_HOLDERS])


def _known(hashed: Any, raw: str) -> set[int]:
    """The hash of a value, and the value itself where it is written as a hash is: a 64-bit number."""
    found = {v for v in hashed.to_pylist() if v is not None}
    if raw.lstrip("-").isascii() and raw.lstrip("-").isdigit() and len(raw) <= 20 and abs(int(raw)) < 1 << 63:
        found.add(int(raw))
    return found


def _in_exchanges(store: Store, hashes: dict[str, set[int]]) -> Sequence[Holder]:
    files = store.exchange_files()
    if not files or not hashes:
        return []
    ids = dict(zip(*store.account_ids().to_pydict().values(), strict=True))
    found: list[Holder] = []
    try:
        parts = ds.dataset([str(file) for file in files], format="parquet")
        for name, wanted in hashes.items():
            if not wanted:
                continue
            match = pc.field(name).isin(pa.array(sorted(wanted), pa.int64()))
            held = parts.to_table(columns=["account"], filter=match)
            for entry in held["account"].value_counts().to_pylist():
                account_id = ids.get(entry["values"])
                if account_id:
                    found.append(Holder(account_id, _OF_EXCHANGES[name], entry["counts"]))
    except (pa.ArrowInvalid, FileNotFoundError) as error:
        raise OutsideError(
            "store", "a part file cannot be read", "search again; a sweep may have replaced it"
        ) from error
    return sorted(found, key=lambda h: (-h.exchanges, h.account_id))
