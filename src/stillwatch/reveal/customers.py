"""Who is unrelated: accounts that share no organisation, credential or signup value with one another.

Two accounts are related where both have the same organisation (as registered or as logged), API key, e-mail, telephone,
means of payment, device or signup address, or an e-mail domain that is not a mail provider's. An unknown value relates
nobody, but proves nothing either: of accounts without an organisation only those count whose means of payment (where
that is mostly unknown: telephone, else device) is known, and all others together count as one customer.

Not the transitive closure: a campaign's accounts hang together by shared values, that is how it was found, and closed
over all of them a campaign is one customer. What is wanted are accounts that can speak for different people, so a set
is chosen in which no two share anything. Addresses and clients of calls relate nobody: a proxy or a campus would.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

RELATING = ("org", "email", "phone", "payment", "device", "signup_ip")
YARDSTICKS = ("payment", "phone", "device")
#: A domain is a mail provider's where it holds this share of all accounts and most of those are not in the campaign.
PROVIDER_SHARE = 0.02


def choose_unrelated(
    ids: Sequence[str], records: pa.Table, logged: Mapping[str, Iterable[tuple[str, int]]]
) -> dict[str, int]:
    """Account id to its place (0, 1, ...) in a set of accounts of which no two are related.

    `ids` are a campaign's accounts, `records` all accounts in KEPT_ACCOUNT, `logged` more (column, value) pairs of an
    account, as its exchanges show them (`org`, `key`). Accounts that share least come first; equal input, equal choice.
    """
    members = set(ids)
    known: dict[str, dict[str, Any]] = {}
    public = _providers(records, members)
    columns = [*RELATING, "email_domain"]
    for account, *held in zip(*(records.column(name).to_pylist() for name in ["account_id", *columns]), strict=True):
        if account in members:
            known[account] = dict(zip(columns, held, strict=True))
    seen = {account: _values(known.get(account, {}), public, logged.get(account, ())) for account in members}
    yardstick = _yardstick(known.values())
    for account, values in seen.items():
        if not any(name == "org" for name, _ in values) and known.get(account, {}).get(yardstick) is None:
            values.add(("nothing known", 0))
    holders = Counter(value for values in seen.values() for value in values)
    order = sorted(members, key=lambda account: (sum(holders[v] - 1 for v in seen[account]), account))
    taken: set[tuple[str, int]] = set()
    chosen: dict[str, int] = {}
    for account in order:
        if taken.isdisjoint(seen[account]):
            taken |= seen[account]
            chosen[account] = len(chosen)
    return chosen


def _values(
    record: Mapping[str, Any], public: set[int], logged: Iterable[tuple[str, int]]
) -> set[tuple[str, int]]:  # fmt: skip
    values = {(name, record[name]) for name in RELATING if record.get(name) is not None}
    domain = record.get("email_domain")
    if domain is not None and domain not in public:
        values.add(("email_domain", domain))
    return values | set(logged)


def _providers(records: pa.Table, members: set[str]) -> set[int]:
    """Domains of mail providers, as hashes."""
    total: Counter[int] = Counter()
    inside: Counter[int] = Counter()
    pairs = zip(records.column("account_id").to_pylist(), records.column("email_domain").to_pylist(), strict=True)
    for account, domain in pairs:
        if domain is not None:
            total[domain] += 1
            inside[domain] += account in members
    least = PROVIDER_SHARE * sum(total.values())
    return {domain for domain, n in total.items() if n >= least and 2 * inside[domain] < n}


def _yardstick(known: Iterable[Mapping[str, Any]]) -> str:
    counts = Counter(name for record in known for name in YARDSTICKS if record.get(name) is not None)
    return max(YARDSTICKS, key=lambda name: (counts[name], -YARDSTICKS.index(name)))
