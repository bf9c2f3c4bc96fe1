"""A campaign's own templates as public fingerprints: what its accounts send and hardly anybody else does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from stillwatch.decide.facts import Finding
from stillwatch.store.window import Window

#: Of all other accounts, at most this share may ever have sent a mark: a common greeting marks nobody.
MOST_OUTSIDE_SHARE = 0.0005
#: Of the campaign's accounts, at least this share (and two of them) must have sent it.
LEAST_INSIDE_SHARE = 0.02
MOST_ENDS, MOST_SHINGLES = 256, 512
"""Of openings and closings (each), and of shingles: those that most of the campaign's accounts send."""
_KINDS = (("opening", MOST_ENDS), ("closing", MOST_ENDS), ("shingle", MOST_SHINGLES))


@dataclass(frozen=True)
class Mark:
    """One public fingerprint (`value`, unsigned 64 bits), its kind, and how many of the campaign's accounts sent it."""

    kind: str
    value: int
    holders: int


def campaign_marks(window: Window, harvests: Sequence[Finding]) -> dict[str, tuple[int, ...]]:
    """Campaign id to its marks (unsigned 64 bits): openings, closings and sampled shingles of prompts."""
    found = marks_by_kind(window, [(f.campaign_id, f.members) for f in harvests])
    return {c: tuple(m.value for m in marks) for c, marks in found.items()}


def marks_by_kind(window: Window, campaigns: Sequence[tuple[str, Sequence[str]]]) -> dict[str, tuple[Mark, ...]]:
    """Campaign id to its marks with kind (`opening`, `closing`, `shingle`) and holders.

    `campaigns` are (id, account ids). One pass over the fingerprints of these accounts, one over everybody's
    use of those values. Accounts of any of the campaigns do not count as others.
    """
    number = {account_id: n for n, account_id in window.ids().items()}
    members = {c: np.array(sorted(number[a] for a in ids if a in number), dtype=np.int64) for c, ids in campaigns}
    inside = np.unique(np.concatenate(list(members.values()) or [np.zeros(0, np.int64)]))
    if not inside.size:
        return {c: () for c, _ in campaigns}
    others = max(window.account_ids.num_rows - inside.size, 1)
    most_outside = MOST_OUTSIDE_SHARE * others
    found: dict[str, list[Mark]] = {c: [] for c in members}
    for (kind, most), (accounts, values) in zip(_KINDS, _held(window, inside, most_outside), strict=True):
        order = np.argsort(values, kind="stable")
        accounts, values = accounts[order], values[order]
        for campaign, own in members.items():
            if not own.size:
                continue
            here = values[np.isin(accounts, own)]
            distinct, holders = np.unique(here, return_counts=True)
            enough = holders >= max(2.0, LEAST_INSIDE_SHARE * own.size)
            distinct, holders = distinct[enough], holders[enough]
            commonest = np.lexsort((distinct, -holders))[:most]
            pairs = zip(distinct[commonest].tolist(), holders[commonest].tolist(), strict=True)
            found[campaign] += [Mark(kind, int(v) & 0xFFFFFFFFFFFFFFFF, int(n)) for v, n in pairs]
    return {c: tuple(marks) for c, marks in found.items()}


def _held(window: Window, inside: Any, most_outside: float) -> list[tuple[Any, Any]]:
    """(account, value) pairs of the inside accounts, a kind at a time, whose value few others hold."""
    import ibis

    inner = ibis.memtable(pa.table({"account": inside.astype(np.int32)}))
    out = []
    t = window.exchanges
    sources = [
        t.filter(t.opening.notnull()).select("account", value=t.opening),
        t.filter(t.closing.notnull()).select("account", value=t.closing),
        window.fingerprints.select("account", value=window.fingerprints.fingerprint),
    ]
    for source in sources:
        held = source.distinct()
        mine = held.semi_join(inner, "account")
        asked = held.semi_join(mine, "value")
        outside = asked.anti_join(inner, "account").group_by("value").aggregate(n=lambda s: s.count())
        rare = mine.anti_join(outside.filter(outside.n > most_outside), "value").to_pyarrow()
        out.append((rare.column("account").to_numpy(), rare.column("value").to_numpy()))
    return out
