"""Accounts that all carry the templates, or hold what the accounts held, of one campaign of another provider's."""

from __future__ import annotations

import numpy as np

from stillwatch.actors.view import View
from stillwatch.actors.weigh import curve
from stillwatch.signals import Opinion, signal


@signal(family="foreign", about="coordination", actors=("group",))
def foreign_campaign(view: View, *, most_bits: float = 1.5, min_lift: float = 5.0) -> Opinion:
    """A group's accounts match one and the same campaign that another provider saw run by one hand.

    Share of its accounts that sent three different marks of one foreign campaign or hold a payment method, address,
    telephone or device of its accounts (by OPRF tokens), times how sure the source is, where other accounts do so at
    most a fifth as often. Without prompts only tokens can be asked.

    Also seen in: users of one app or framework whose template a source took for a campaign's; a class with one sheet;
    accounts on a virtual card or a device that was the campaign's before or beside them.
    Source: sharing between providers through STIX and MISP; RFC 9497 (tokens); the campaign was linked by its
    source, not here.
    """
    foreign = view.book.foreign
    share = np.zeros(view.actors)
    if foreign.known:
        hits = foreign.hits()
        inside = np.asarray(view.matrix(hits).todense(), dtype=float)
        everywhere = np.asarray(hits.sum(axis=0), dtype=float).ravel()
        others = np.maximum(view.book.accounts - view.size, 1.0)
        outside = (everywhere[None, :] - inside + 0.5) / others[:, None]
        part = inside / np.maximum(view.size, 1.0)[:, None]
        rare = part >= min_lift * outside
        share = (part * rare * foreign.confidence[None, :]).max(axis=1, initial=0.0)
    asked = (view.known("prompt") >= 0.2) | bool(foreign.tokens)
    bits = most_bits * curve(share, ((0.0, 0.0), (0.2, 0.2), (0.7, 1.0)))

    def says(i: int) -> str:
        return (
            f"{share[i]:.0%} of its {int(view.size[i]):,} accounts (weighted by how sure the source is) match "
            "one campaign that another provider saw, by its templates or by tokens of what its accounts held."
        )

    def facts(i: int) -> dict[str, float]:
        return {"matched_share": float(share[i]), "accounts": float(view.size[i])}

    return Opinion(np.where(asked & foreign.known, share, np.nan), bits, says, facts)
