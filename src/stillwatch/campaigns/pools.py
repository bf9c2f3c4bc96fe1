"""Harvests inside one operator's pool: what formed the pool was not content, so content may speak of a part of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stillwatch.campaigns.choose import Chosen
from stillwatch.linking.candidate import Candidate
from stillwatch.linking.candidates import OF_AN_APP

_SMALLEST = 6


def by_content(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Candidates that what they send put together."""
    return [c for c in candidates if "content" in c.formed_by]


def parts_of_pools(networks: Sequence[Chosen], candidates: Sequence[Candidate], accounts: int) -> list[Candidate]:
    """Groups by content of which at least half lie in a reported network, formed by what formed the network.

    By itself a group that shares templates was found by them, and they count no more against it. Where its accounts
    were known to have one operator before anybody looked at what they send, that is news. Networks that content or an
    app formed have no parts. Source: Anthropic, February 2026 (a proxy network that carried several harvests).
    """
    parts = []
    for network in networks:
        formed = network.candidate.formed_by
        if formed & OF_AN_APP:
            continue
        inside = np.zeros(accounts, dtype=bool)
        inside[network.candidate.members] = True
        for c in by_content(candidates):
            if inside[c.members].mean() >= 0.5 and _SMALLEST <= c.size <= 0.6 * network.candidate.size:
                parts.append(Candidate(c.members, formed, c.how))
                if not inside[c.members].all():
                    parts.append(Candidate(c.members[inside[c.members]], formed, c.how))
    return parts
