"""The plainest link rule: accounts with a value in common are one group; big groups are flagged.

Source: connected components over shared attributes, as in entity resolution and in the proxy-network rules of public
abuse detectors (Pollinations' identity points, Glasswally's union). Own code.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

LEAST_ACCOUNTS = 10
CAP = 50
ATTRIBUTES = ("payment_fingerprint", "device_fingerprint", "network", "client_fingerprint", "email_domain")
Row = Mapping[str, Any]


def network_of(ip: str | None) -> str | None:
    """The /24 of an IPv4 address, the /48 of an IPv6 one; None where it is missing or no address."""
    try:
        address = ipaddress.ip_address(ip or "")
    except ValueError:
        return None
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 48), strict=False))


def holders(
    rows: Iterable[Row], accounts: Iterable[Row], attributes: Sequence[str] = ATTRIBUTES
) -> dict[tuple[str, str], set[str]]:
    """(attribute, value) to the ids of the accounts that hold it, from exchanges and from account records."""
    pairs: set[tuple[str, str, str]] = set()
    seen: dict[str, str | None] = {}
    for row in rows:
        who = str(row["account_id"])
        if "network" in attributes and (ip := row.get("ip")):
            if ip not in seen:
                seen[ip] = network_of(ip)
            if seen[ip]:
                pairs.add(("network", str(seen[ip]), who))
        if "client_fingerprint" in attributes and (client := row.get("client_fingerprint")):
            pairs.add(("client_fingerprint", str(client), who))
        if "org_id" in attributes and (org := row.get("org_id")):
            pairs.add(("org_id", str(org), who))
    for record in accounts:
        for name in attributes:
            if value := record.get(name):
                pairs.add((name, str(value), str(record["account_id"])))
    out: dict[tuple[str, str], set[str]] = {}
    for name, value, who in pairs:
        out.setdefault((name, value), set()).add(who)
    return out


def components(held: Mapping[tuple[str, str], set[str]], cap: int | None = None) -> list[set[str]]:
    """Connected components of accounts that share a value; values that more than `cap` accounts hold join nobody."""
    parent: dict[str, str] = {}

    def root(who: str) -> str:
        parent.setdefault(who, who)
        while parent[who] != who:
            parent[who] = parent[parent[who]]
            who = parent[who]
        return who

    for ids in held.values():
        first, *others = sorted(ids)
        root(first)
        for other in others:
            mine, theirs = root(first), root(other)
            if cap is None or len(ids) <= cap:
                parent[theirs] = mine
    groups: dict[str, set[str]] = {}
    for who in parent:
        groups.setdefault(root(who), set()).add(who)
    return list(groups.values())


def component_sizes(rows: Iterable[Row], accounts: Iterable[Row], cap: int | None = None) -> dict[str, float]:
    """Each account's score: the number of accounts in its component. Flagged from `LEAST_ACCOUNTS`."""
    return {who: float(len(group)) for group in components(holders(rows, accounts), cap) for who in group}
