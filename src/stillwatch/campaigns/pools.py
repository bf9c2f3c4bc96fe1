"""Harvests inside one operator's pool: what formed the pool was not content, so content may speak of a part of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stillwatch.campaigns.choose import Chooser, Chosen
from stillwatch.campaigns.weigh import weigh
from stillwatch.linking.candidate import Candidate
from stillwatch.linking.candidates import OF_AN_APP

_SMALLEST = 6
#: Share of a pool's accounts that must be in none of its harvests for them to be customers and not stragglers.
_LEAST_CUSTOMERS = 0.2


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


def without_pools(chooser: Chooser, harvests: Sequence[Chosen], candidates: Sequence[Candidate]) -> list[Chosen]:
    """The harvests; one that is a pool with harvests inside is replaced by these.

    A pool that was linked without content can weigh as a harvest by what a part of it sends. Where its parts are
    harvests by themselves and the evidence on its other accounts speaks for them, they are customers: whoever runs the
    pool is a finding of another kind.
    """
    out: list[Chosen] = []
    for i, harvest in enumerate(harvests):
        parts = parts_of_pools([harvest], candidates, chooser.book.accounts) if harvest.kind == "distillation" else []
        others = [*out, *harvests[i + 1 :]]
        inside = chooser.harvests(parts, weigh(chooser.book, parts, chooser.settings), known=others)
        held = np.concatenate([c.candidate.members for c in inside]) if inside else harvest.candidate.members
        rest = np.setdiff1d(harvest.candidate.members, held)
        if len(rest) < _LEAST_CUSTOMERS * harvest.candidate.size:
            out.append(harvest)
            continue
        alone = weigh(chooser.book, [Candidate(rest, harvest.candidate.formed_by, "")], chooser.settings)
        speaks_for_them = chooser.calibration.guilt(alone, chooser.prior, priced=False)[0] < chooser.prior
        out.extend(inside if speaks_for_them else [harvest])
    return out
