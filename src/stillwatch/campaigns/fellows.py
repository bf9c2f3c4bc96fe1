"""Who else belongs to a reported harvest: groups that hold most of it, where the rest weighs as much by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from stillwatch.actors.allowed import allowed_accounts
from stillwatch.campaigns.calibration import against
from stillwatch.campaigns.choose import Chooser, Chosen
from stillwatch.campaigns.content import core_of
from stillwatch.campaigns.pools import by_content
from stillwatch.campaigns.weigh import weigh
from stillwatch.linking.candidate import Candidate

Array = np.ndarray[Any, Any]
PriceOf = Callable[[str, Array], float]
"""Bits that accounts (kind of campaign, positions in the book) pay to be reported."""

#: Share of a harvest that a group must hold for the group's other accounts to be asked.
MOST_OF_IT = 0.8
#: How likely the others of such a group harvest, before their own evidence. By hand: in the development worlds others
#: who were all guilty and asked mostly came to 0.55 or more, legitimate ones to 0.04, and mixed ones to 0.12.
PRIOR = 0.7
#: What they must come to. No lower where a lower score is reported: this is about who is added to a finding.
LEAST = 0.55
#: What each must have of the middle account's share of exchanges that are the harvest's own.
NEARLY = 0.8
#: Share of its exchanges from which a distillation's own content is known: what many others send tells nobody apart.
LEAST_SHARED = 0.15
_MOST_TRIES = 12


def with_fellows(
    chooser: Chooser, harvests: Sequence[Chosen], candidates: Sequence[Candidate], parts: Sequence[Candidate] = (), *,
    price_of: PriceOf = lambda kind, members: 0.0,
) -> list[Chosen]:  # fmt: skip
    """The harvests, each with the others of a candidate that holds most of it, where these weigh enough alone.

    A well-tied part of a harvest is surer than the whole and is chosen first; seen from the part, what the harvest
    sends is sent by many others, its own. So these are weighed without the part, by all that the candidate's link
    leaves to say, and only the prior knows of their company. A relay's or a replay's others were mostly cut off as
    unlike its middle account. `parts` are parts of a reported network (see `pools`). Who is new pays the price of
    repeated looks (`price_of`). The score becomes the mean over accounts and never falls below what is reported.
    """
    taken = allowed_accounts(chooser.book).copy()
    for harvest in harvests:
        taken[harvest.candidate.members] = True
    out = []
    for harvest in harvests:
        # Of a distillation only those who send what it sends: a pool's other customers share all else with it.
        asked = by_content(candidates) if harvest.kind == "distillation" else candidates
        whole = _whole(chooser, harvest, [*asked, *parts], taken, price_of)
        taken[whole.candidate.members] = True
        out.append(whole)
    return out


def _whole(chooser: Chooser, part: Chosen, candidates: Sequence[Candidate], taken: Array, price_of: PriceOf) -> Chosen:
    inside = np.zeros(chooser.book.accounts, dtype=bool)
    inside[part.candidate.members] = True
    around = [
        (int((~taken[c.members]).sum()), c)
        for c in candidates
        if inside[c.members].sum() >= MOST_OF_IT * part.candidate.size
    ]
    around = [pair for pair in around if pair[0] >= chooser.min_accounts]
    for _, group in sorted(around, key=lambda pair: -pair[0])[:_MOST_TRIES]:
        rest = group.members[~taken[group.members]]
        if part.kind == "distillation":
            # Of a template's users those who send little else: the others are customers of whoever wrote it.
            rest = rest[chooser.fits(core_of(chooser.book, group.members), part.kind, group.members)[rest]]
        elif _alone(chooser, rest, group, price_of(part.kind, rest)) < LEAST:
            # A product's users send what its relay's accounts send: there the link itself must tell.
            continue
        rest = _nearly_alike(chooser, part, rest)
        if len(rest) < chooser.min_accounts:
            continue
        p = _alone(chooser, rest, group, price_of(part.kind, rest))
        score = (part.candidate.size * part.p + len(rest) * p) / (part.candidate.size + len(rest))
        if p < LEAST or score < chooser.least:
            continue
        members = np.union1d(part.candidate.members, rest)
        both = Candidate(members, part.candidate.formed_by, part.candidate.how)
        weighed = weigh(chooser.book, [both], chooser.settings)
        return Chosen(both, part.kind, min(score, part.p), core_of(chooser.book, members), weighed)
    return part


def _alone(chooser: Chooser, rest: Array, group: Candidate, price: float) -> float:
    """P(these harvest) by their own evidence and by the prior of their company."""
    if len(rest) < chooser.min_accounts:
        return 0.0
    alone = weigh(chooser.book, [Candidate(rest, group.formed_by, group.how)], chooser.settings)
    guilt = chooser.calibration.guilt(alone, PRIOR, priced=False)
    return float(against(guilt, np.asarray([-price]))[0])


def _nearly_alike(chooser: Chooser, part: Chosen, rest: Array) -> Array:
    """Those of the rest who send nearly as much of what the whole sends as their middle account does.

    Of the whole's content only what the known part sends too: customers of one language, or of one product, make their
    common openings look like the group's own.
    """
    known = part.candidate.members
    cover = core_of(chooser.book, np.union1d(known, rest), sent_by=known).cover[rest]
    middle = float(np.median(cover)) if len(rest) else 0.0
    if part.kind == "distillation" and middle < LEAST_SHARED:
        return rest[:0]
    return rest[cover >= NEARLY * middle]
